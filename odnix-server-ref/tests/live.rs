//! Groups and devices over sockets: what reaches whom, and when.

mod common;

use common::device::{Device, config, options};
use odnix_proto::client::Init;
use odnix_proto::transport::Framing;
use odnix_server_ref::config::ServeOptions;
use odnix_server_ref::{Running, Server};
use odnix_tl::Raw;
use odnix_tl::odnix::enums::updates::Difference;
use odnix_tl::odnix::enums::{InputPeer, InputUser, Update, Updates};
use odnix_tl::odnix::functions::account::{GetAuthorizations, ResetAuthorization};
use odnix_tl::odnix::functions::messages::CreateChat;
use odnix_tl::odnix::{functions, types};
use tempfile::TempDir;

async fn start_with(change: impl FnOnce(&mut ServeOptions)) -> (TempDir, Running) {
    let folder = tempfile::tempdir().unwrap();
    let mut options = ServeOptions::loopback(folder.path());
    change(&mut options);
    let server = Server::start(options).await.unwrap();
    (folder, server)
}

async fn group(creator: &mut Device, large: bool, members: &[&str]) -> types::Chat {
    let mut users = Vec::new();
    for name in members {
        let InputPeer::InputPeerUser(it) = creator.peer(name).await else { panic!() };
        let (user_id, access_hash) = (it.user_id, it.access_hash);
        users.push(InputUser::InputUser(types::InputUser { user_id, access_hash }));
    }
    let request = CreateChat { large, title: "Town".into(), users, random_id: 1 };
    creator.call(&request).await.unwrap().chat
}

fn to(chat: &types::Chat) -> InputPeer {
    InputPeer::InputPeerChat(types::InputPeerChat { chat_id: chat.id })
}

/// The texts of the messages in an update, those of a large group too.
fn texts(updates: Updates) -> Vec<String> {
    let updates = match updates {
        Updates::Updates(it) => it.updates,
        Updates::UpdateShort(it) => vec![it.update],
        Updates::UpdatesTooLong => Vec::new(),
    };
    let text = |update: Update| match update {
        Update::UpdateNewMessage(it) => Some(it.message.message),
        Update::UpdateMessageSent(it) => Some(it.message.message),
        Update::UpdateOfChat(it) => match *it.update {
            Update::UpdateNewMessage(it) => Some(it.message.message),
            _ => None,
        },
        _ => None,
    };
    updates.into_iter().filter_map(text).filter(|text| !text.is_empty()).collect()
}

async fn next_text(device: &mut Device) -> String {
    loop {
        if let Some(text) = texts(device.next_updates().await).pop() {
            return text;
        }
    }
}

#[tokio::test]
async fn a_message_to_a_group_reaches_members_who_are_here_and_those_who_come_back() {
    for large in [false, true] {
        let (_folder, server) = start_with(|_| ()).await;
        let mut bob = Device::signed_up(&server, "bob").await;
        let mut carol = Device::signed_up(&server, "carol").await;
        let mut alice = Device::signed_up(&server, "alice").await;
        let mut tablet = Device::signed_in(&server, "alice").await;
        for device in [&mut bob, &mut carol, &mut tablet] {
            device.call(&functions::updates::GetState {}).await.unwrap();
        }
        let chat = group(&mut alice, large, &["bob", "carol"]).await;
        drop(carol.disconnect());
        let request = common::message(&to(&chat), "to all", 2);
        alice.call(&request).await.unwrap();
        assert_eq!(next_text(&mut bob).await, "to all");
        assert_eq!(next_text(&mut tablet).await, "to all", "her other device");
        carol.connect_tcp(&server).await;
        carol.echo(b"back").await;
        assert_eq!(next_text(&mut carol).await, "to all");
        server.shutdown().await;
    }
}

#[tokio::test]
async fn a_session_that_takes_nothing_in_is_bounded_and_told_to_ask() {
    let (_folder, server) = start_with(|options| options.limits.sent_max = 64).await;
    let mut bob = Device::signed_up(&server, "bob").await;
    let mut alice = Device::signed_up(&server, "alice").await;
    bob.call(&functions::updates::GetState {}).await.unwrap();
    drop(bob.disconnect());
    let to_bob = alice.peer("bob").await;
    for number in 1..=400 {
        alice.call(&common::message(&to_bob, "a line", number)).await.unwrap();
    }
    bob.connect_tcp(&server).await;
    bob.echo(b"back").await;
    let mut pushed = 0;
    while !matches!(bob.next_updates().await, Updates::UpdatesTooLong) {
        pushed += 1;
    }
    assert!(pushed <= 64, "{pushed} of 400");
    let mut pts = 0;
    let mut read = 0;
    loop {
        match bob.call(&common::get_difference(pts)).await.unwrap() {
            Difference::DifferenceSlice(it) => {
                read += it.updates.len();
                pts = it.intermediate_state.pts;
            }
            Difference::Difference(it) => break read += it.updates.len(),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(read, 400, "nothing is lost");
}

#[tokio::test]
async fn devices_are_listed_as_they_introduced_themselves_and_another_one_can_be_logged_out() {
    let (_folder, server) = start_with(|_| ()).await;
    let mut phone = Device::signed_up(&server, "alice").await;
    let init = functions::InitConnection {
        api_id: 1,
        device_model: "A tablet".into(),
        system_version: "7".into(),
        app_version: "0.1".into(),
        system_lang_code: String::new(),
        lang_pack: String::new(),
        lang_code: String::new(),
        proxy: None,
        params: None,
        query: Raw::default(),
    };
    let mut with_init = config(&server, options(Framing::Padded, false));
    with_init.init = Some(Init { layer: 1, connection: init });
    let mut tablet = Device::new(with_init);
    tablet.connect_tcp(&server).await;
    tablet.until_ready().await.unwrap();
    let sign_in =
        functions::auth::SignIn { username: "alice".into(), password: "a password".into() };
    tablet.call(&sign_in).await.unwrap();
    let devices = phone.call(&GetAuthorizations {}).await.unwrap().authorizations;
    assert_eq!(devices.len(), 2);
    let other = devices.iter().find(|device| !device.current).unwrap();
    assert_eq!((other.device_model.as_str(), other.app_version.as_str()), ("A tablet", "0.1"));
    let own = devices.iter().find(|device| device.current).unwrap();
    assert!(phone.call(&ResetAuthorization { hash: own.hash }).await.is_err(), "not this one");
    phone.call(&ResetAuthorization { hash: other.hash }).await.unwrap();
    while tablet.turn().await.is_ok() {}
    let saved = tablet.saved_key();
    let mut again = Device::resume(config(&server, options(Framing::Padded, false)), saved);
    again.connect_tcp(&server).await;
    again.begin(&functions::help::GetConfig {});
    while again.turn().await.is_ok() {}
    phone.echo(b"still here").await;
    assert_eq!(phone.call(&GetAuthorizations {}).await.unwrap().authorizations.len(), 1);
}
