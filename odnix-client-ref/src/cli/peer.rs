//! Whom a command is about: a user, or a group.

use super::output::user_json;
use anyhow::bail;
use odnix_client_ref::Client;
use odnix_client_ref::replica::ChatRow;
use serde_json::{Value, json};

/// A dialog that was named on the command line.
pub(super) struct NamedPeer {
    /// As the replica numbers dialogs: a user, or a group with a minus.
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) json: Value,
}

impl NamedPeer {
    /// # Errors
    /// Nobody has that name.
    pub(super) async fn find(client: &Client, given: &str) -> anyhow::Result<Self> {
        let Some(group) = given.strip_prefix("group:") else {
            let user = client.resolve(given).await?;
            return Ok(Self { id: user.id, json: user_json(&user), name: user.username });
        };
        let group = group.to_owned();
        let groups = client.replica(|replica| replica.chats()).await?;
        let group = only_one(groups, &group)?;
        Ok(Self {
            id: group.id.saturating_neg(),
            json: json!({ "id": group.id.saturating_neg().to_string(), "title": group.title }),
            name: group.title,
        })
    }
}

fn only_one(groups: Vec<ChatRow>, given: &str) -> anyhow::Result<ChatRow> {
    let id = given.parse::<i64>().ok();
    let mut found: Vec<ChatRow> = groups
        .into_iter()
        .filter(|group| group.title == given || Some(group.id) == id.map(i64::abs))
        .collect();
    match (found.pop(), found.len()) {
        (Some(group), 0) => Ok(group),
        (Some(last), _) => {
            found.push(last);
            let ids: Vec<String> =
                found.iter().map(|group| format!("group:{}", group.id)).collect();
            bail!("several groups are called {given}; use one of {}", ids.join(", "))
        }
        (None, _) => bail!("there is no group {given} here; `state` lists the dialogs"),
    }
}
