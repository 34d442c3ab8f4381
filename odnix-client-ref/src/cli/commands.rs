//! The commands that do one thing and end.

use super::output::{
    Named, Output, message_json, message_line, one_line, outgoing_json, outgoing_line, user_json,
};
use super::peer::NamedPeer;
use super::{Call, Common, Contacts, History, Send, SignIn, SignUp, State};
use anyhow::{Context as _, bail};
use odnix_client_ref::replica::{DialogRow, Replica};
use odnix_client_ref::{CallError, Client};
use odnix_tl::json::Value as Ordered;
use odnix_tl::odnix::{functions, types};
use serde_json::{Value, json};
use std::io::Read as _;

impl SignUp {
    pub(super) async fn run(self, common: &Common, output: &mut Output) -> anyhow::Result<()> {
        let password = self.password.read(true)?;
        let first_name = self.first_name.as_deref().unwrap_or(&self.username);
        let client = common.open_briefly().await?;
        let user = client.sign_up(&self.username, &password, first_name).await?;
        client.shutdown().await;
        show_signed_in(output, &user)
    }
}

impl SignIn {
    pub(super) async fn run(self, common: &Common, output: &mut Output) -> anyhow::Result<()> {
        let password = self.password.read(false)?;
        let client = common.open_briefly().await?;
        let user = client.sign_in(&self.username, &password).await?;
        client.in_step().await?;
        client.shutdown().await;
        show_signed_in(output, &user)
    }
}

fn show_signed_in(output: &mut Output, user: &types::User) -> anyhow::Result<()> {
    let text = format!("signed in as {} (id {})", user.username, user.id);
    Ok(output.show(&text, &json!({ "ok": true, "user": user_json(user) }))?)
}

/// Opens the client, brings the replica in step, and sends what earlier runs left.
async fn open_in_step(common: &Common, output: &Output) -> anyhow::Result<Client> {
    let client = common.open_briefly().await?;
    client.in_step().await?;
    send_pending(&client, output).await?;
    Ok(client)
}

pub(super) async fn send_pending(client: &Client, output: &Output) -> anyhow::Result<()> {
    let sent = client.send_pending().await?;
    if sent > 0 {
        output.note(&format!("{sent} messages of an earlier run have been sent"));
    }
    Ok(())
}

impl Contacts {
    pub(super) async fn run(self, common: &Common, output: &mut Output) -> anyhow::Result<()> {
        let client = open_in_step(common, output).await?;
        if let Some(name) = &self.add {
            let user = client.resolve(name).await?;
            client.add_contact(&user).await?;
        }
        let contacts = client.contacts().await?;
        client.shutdown().await;
        let lines: Vec<String> = contacts
            .iter()
            .map(|user| {
                format!("{} ({}, id {})", user.username, one_line(&user.first_name), user.id)
            })
            .collect();
        let objects: Vec<Value> = contacts.iter().map(user_json).collect();
        Ok(output.show(&lines.join("\n"), &json!({ "ok": true, "contacts": objects }))?)
    }
}

impl Send {
    pub(super) async fn run(self, common: &Common, output: &mut Output) -> anyhow::Result<()> {
        let text = self.text()?;
        let messages: Vec<&str> = if self.lines {
            text.lines().filter(|line| !line.trim().is_empty()).collect()
        } else {
            vec![&text]
        };
        let client = common.open_briefly().await?;
        client.own_user().await?;
        let peer = NamedPeer::find(&client, &self.peer).await?;
        for message in messages {
            if self.queue {
                let random_id = client.send(peer.id, message).await?;
                let line = format!("noted a message to {}", one_line(&peer.name));
                let object = json!({
                    "ok": true,
                    "random_id": random_id.to_string(),
                    "peer_id": peer.id.to_string(),
                });
                output.show(&line, &object)?;
                continue;
            }
            let sent = client.send_to(peer.id, message).await.map_err(with_hint)?;
            let line = format!("sent message {} to {}", sent.id, one_line(&peer.name));
            let object = json!({
                "ok": true,
                "id": sent.id.to_string(),
                "peer_id": peer.id.to_string(),
                "date": sent.date,
                "pts": sent.pts,
            });
            output.show(&line, &object)?;
        }
        client.shutdown().await;
        Ok(())
    }

    fn text(&self) -> anyhow::Result<String> {
        if self.text != "-" {
            return Ok(self.text.clone());
        }
        let mut text = stdin().context("cannot read the message from stdin")?;
        let end = text.trim_end_matches(['\n', '\r']).len();
        text.truncate(end);
        Ok(text)
    }
}

fn stdin() -> std::io::Result<String> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    Ok(text)
}

/// A message that was not refused is still on its way: say so, lest it is given twice.
fn with_hint(error: CallError) -> anyhow::Error {
    if error.is_refusal() || error.is_signed_out() {
        return error.into();
    }
    anyhow::anyhow!(
        "{error}; the message is kept and will be sent by the next command that connects"
    )
}

impl History {
    pub(super) async fn run(self, common: &Common, output: &mut Output) -> anyhow::Result<()> {
        let client = open_in_step(common, output).await?;
        let peer = NamedPeer::find(&client, &self.peer).await?;
        if self.mark_read {
            client.read_dialog(peer.id, i64::MAX).await?;
        }
        let (peer_id, limit) = (peer.id, self.limit);
        let (messages, outgoing) = client
            .replica(move |replica| {
                let messages = replica.history(peer_id, 0, limit)?;
                let named = messages.into_iter().map(|row| Named::new(replica, row));
                Ok((named.collect::<Result<Vec<_>, _>>()?, replica.outgoing(peer_id)?))
            })
            .await?;
        client.shutdown().await;
        let waiting = outgoing.iter().map(|it| outgoing_line(it, &peer.name));
        let lines: Vec<String> = messages.iter().map(message_line).chain(waiting).collect();
        let object = json!({
            "ok": true,
            "peer": peer.json,
            "messages": messages.iter().map(message_json).collect::<Vec<Value>>(),
            "outgoing": outgoing.iter().map(outgoing_json).collect::<Vec<Value>>(),
        });
        Ok(output.show(&lines.join("\n"), &object)?)
    }
}

impl State {
    pub(super) async fn run(self, common: &Common, output: &mut Output) -> anyhow::Result<()> {
        if self.offline {
            let fingerprint = common.public_key()?.fingerprint();
            let replica = Replica::open(&common.data, fingerprint, None)?;
            let (text, object) = describe(&replica)?;
            return Ok(output.show(&text, &object)?);
        }
        let client = open_in_step(common, output).await?;
        let server = client.call(&functions::updates::GetState {}).await?;
        let (mut text, mut object) = client.replica(|replica| describe(replica)).await?;
        client.shutdown().await;
        text.push_str(&format!("\nserver    pts {}, {} unread", server.pts, server.unread_count));
        object["server"] = json!({ "pts": server.pts, "unread_count": server.unread_count });
        Ok(output.show(&text, &object)?)
    }
}

impl Call {
    pub(super) async fn run(self, common: &Common, output: &mut Output) -> anyhow::Result<()> {
        let query = match self.query.as_str() {
            "-" => stdin().context("cannot read the query from stdin")?,
            query => query.to_owned(),
        };
        check_query(&query)?;
        let client = common.open_briefly().await?;
        let answer = client.call_json(&query).await?;
        client.shutdown().await;
        // As it came, but for its spaces: members in their order, numbers with all their digits.
        let answer: Ordered =
            serde_json::from_str(&answer).context("the server's answer is not JSON")?;
        let pretty = serde_json::to_string_pretty(&answer)?;
        Ok(output.show(&pretty, &serde_json::to_string(&answer)?)?)
    }
}

/// What is wrong with a query before anything is asked of the server.
fn check_query(query: &str) -> anyhow::Result<()> {
    let query: Ordered = serde_json::from_str(query).context("the query is not JSON")?;
    let Ordered::Object(members) = query else { return Ok(()) };
    for (member, command) in [("auth.signIn", "sign-in"), ("auth.signUp", "sign-up")] {
        // The replica has to learn whose it is.
        if members.contains(&("_".to_owned(), Ordered::String(member.to_owned()))) {
            bail!("{member} has a command of its own: use {command}");
        }
    }
    Ok(())
}

type Description = (String, Value);

/// Everything the replica can say of itself.
fn describe(replica: &Replica) -> Result<Description, odnix_client_ref::replica::ReplicaError> {
    let own = replica.own_user()?;
    let key = replica.device_key()?;
    let checkpoint = replica.checkpoint()?;
    let messages = replica.message_count()?;
    let pending = replica.pending_sends()?.len();
    let digest = replica.digest()?.to_string();
    let key_id = key.as_ref().map(|key| key.auth_key.id().to_string());
    let mut lines = vec![
        format!("account   {}", own.as_ref().map_or("none", |own| &own.username)),
        format!("key       {}", key_id.as_deref().unwrap_or("none")),
        format!("replica   pts {}, {messages} messages, {pending} to be sent", checkpoint.pts),
        format!("digest    {digest}"),
    ];
    let mut dialogs = Vec::new();
    for dialog in replica.dialogs()? {
        let name = replica.name_of(dialog.peer_id)?;
        lines.push(format!("dialog    {}: {} unread", one_line(&name), dialog.unread_count));
        dialogs.push(dialog_json(&dialog, &name));
    }
    let object = json!({
        "ok": true,
        "user": own.as_ref().map(user_json),
        "auth_key_id": key_id,
        "session_id": replica.session()?.map(|id| format!("{id:016x}")),
        "clock_offset_us": key.map(|key| key.time_offset_us),
        "pts": checkpoint.pts,
        "date": checkpoint.date,
        "messages": messages,
        "pending_sends": pending,
        "dialogs": dialogs,
        "digest": digest,
    });
    Ok((lines.join("\n"), object))
}

fn dialog_json(dialog: &DialogRow, name: &str) -> Value {
    json!({
        "peer_id": dialog.peer_id.to_string(),
        "peer": name,
        "top_message": dialog.top_message.to_string(),
        "read_inbox_max_id": dialog.read.inbox_max_id.to_string(),
        "read_outbox_max_id": dialog.read.outbox_max_id.to_string(),
        "unread_count": dialog.unread_count,
    })
}
