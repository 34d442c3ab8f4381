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

/// An id names one group; a title may name several, and may look like an id.
fn only_one(groups: Vec<ChatRow>, given: &str) -> anyhow::Result<ChatRow> {
    let id = given.parse::<i64>().ok().and_then(i64::checked_abs);
    if let Some(group) = groups.iter().find(|group| Some(group.id) == id) {
        return Ok(group.clone());
    }
    let mut found = groups.into_iter().filter(|group| group.title == given && !group.left);
    let Some(group) = found.next() else {
        bail!("there is no group {given} here; `state` lists the dialogs");
    };
    let mut ids: Vec<String> = found.map(|group| format!("group:{}", group.id)).collect();
    if ids.is_empty() {
        return Ok(group);
    }
    ids.insert(0, format!("group:{}", group.id));
    bail!("several groups are called {given}; use one of {}", ids.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(id: i64, title: &str, left: bool) -> ChatRow {
        ChatRow { id, title: title.into(), left, large: false, participants_count: 1 }
    }

    #[test]
    fn an_id_is_one_group_and_a_title_must_be() {
        let groups = || {
            vec![
                group(5, "Friends", false),
                group(6, "5", false),
                group(7, "Twins", false),
                group(8, "Twins", false),
                group(9, "Friends", true),
            ]
        };
        for (given, expected) in [
            ("Friends", Ok(5)),
            ("5", Ok(5)),
            ("-6", Ok(6)),
            ("9", Ok(9)),
            ("Twins", Err("group:7, group:8")),
            ("Nobody", Err("there is no group")),
            ("-9223372036854775808", Err("there is no group")),
        ] {
            match (only_one(groups(), given), expected) {
                (Ok(group), Ok(id)) => assert_eq!(group.id, id, "{given}"),
                (Err(error), Err(why)) => assert!(error.to_string().contains(why), "{error}"),
                (found, _) => panic!("{given}: {found:?}"),
            }
        }
    }
}
