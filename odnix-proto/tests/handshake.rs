//! The key exchange between our two roles, through the public API.

mod pair;

use odnix_proto::handshake::server::KeyStored;
use pair::{client_config, new_client, new_server, now, run, server_config};

#[test]
fn both_sides_end_with_the_same_key_salt_and_dc() {
    let mut client = new_client(client_config());
    let mut server = new_server(server_config());
    let (ours, theirs) =
        run(&mut client, &mut server, now(), now(), |_| KeyStored::Stored).unwrap();
    assert_eq!(ours, theirs);
    assert_eq!((ours.dc, ours.time_offset_us, ours.expires_at), (2, 0, None));
}
