//! The application layer of Odnix, from `schema/odnix.tl`.

// Generated; see `odnix_tl::schema`.

/// The number of this layer.
pub const LAYER: i32 = 1;

/// All constructors.
pub mod types {
    use super::{enums, types};
    use crate::prelude::{Bytes, String, Vec};
    use crate::tl_struct;

    tl_struct! {
        /// Where a server of a data centre is reached
        ///
        /// `dcOption#18b7a10d flags:# ipv6:flags.0?true media_only:flags.1?true tcpo_only:flags.2?true cdn:flags.3?true static:flags.4?true this_port_only:flags.5?true id:int ip_address:string port:int secret:flags.10?bytes = DcOption;`
        pub struct DcOption = "dcOption" 0x18b7a10d {
            [flags]
            /// ip_address is one of IPv6
            ipv6: bool = flags.0,
            /// for files only; this server has no such one
            media_only: bool = flags.1,
            /// speaks obfuscated TCP only
            tcpo_only: bool = flags.2,
            /// a content server
            cdn: bool = flags.3,
            /// may be kept until the next config
            static_ "static": bool = flags.4,
            /// no other port of this address answers
            this_port_only: bool = flags.5,
            /// the number of the data centre
            id: i32,
            /// an address without a port
            ip_address: String,
            /// `port:int`
            port: i32,
            /// for obfuscated transports that need one
            secret: Option<Bytes> = flags.10,
        }
    }

    tl_struct! {
        /// What a client should know before it starts: where the servers are, and the limits
        ///
        /// Most fields are those of the public layer, so that foreign clients can read it; Odnix uses those described here
        ///
        /// `config#cc1a241e flags:# default_p2p_contacts:flags.3?true preload_featured_stickers:flags.4?true revoke_pm_inbox:flags.6?true blocked_mode:flags.8?true force_try_ipv6:flags.14?true date:int expires:int test_mode:Bool this_dc:int dc_options:Vector<DcOption> dc_txt_domain_name:string chat_size_max:int megagroup_size_max:int forwarded_count_max:int online_update_period_ms:int offline_blur_timeout_ms:int offline_idle_timeout_ms:int online_cloud_timeout_ms:int notify_cloud_delay_ms:int notify_default_delay_ms:int push_chat_period_ms:int push_chat_limit:int edit_time_limit:int revoke_time_limit:int revoke_pm_time_limit:int rating_e_decay:int stickers_recent_limit:int channels_read_media_period:int tmp_sessions:flags.0?int call_receive_timeout_ms:int call_ring_timeout_ms:int call_connect_timeout_ms:int call_packet_timeout_ms:int me_url_prefix:string autoupdate_url_prefix:flags.7?string gif_search_username:flags.9?string venue_search_username:flags.10?string img_search_username:flags.11?string static_maps_provider:flags.12?string caption_length_max:int message_length_max:int webfile_dc_id:int suggested_lang_code:flags.2?string lang_pack_version:flags.2?int base_lang_pack_version:flags.2?int reactions_default:flags.15?Reaction autologin_token:flags.16?string = Config;`
        pub struct Config = "config" 0xcc1a241e {
            [flags]
            /// `default_p2p_contacts:flags.3?true`
            default_p2p_contacts: bool = flags.3,
            /// `preload_featured_stickers:flags.4?true`
            preload_featured_stickers: bool = flags.4,
            /// `revoke_pm_inbox:flags.6?true`
            revoke_pm_inbox: bool = flags.6,
            /// `blocked_mode:flags.8?true`
            blocked_mode: bool = flags.8,
            /// `force_try_ipv6:flags.14?true`
            force_try_ipv6: bool = flags.14,
            /// the time of the server, Unix seconds
            date: i32,
            /// when to ask again, Unix seconds
            expires: i32,
            /// whether this is a test server
            test_mode: bool,
            /// the data centre of this connection
            this_dc: i32,
            /// all addresses of the servers
            dc_options: Vec<types::DcOption>,
            /// `dc_txt_domain_name:string`
            dc_txt_domain_name: String,
            /// `chat_size_max:int`
            chat_size_max: i32,
            /// `megagroup_size_max:int`
            megagroup_size_max: i32,
            /// `forwarded_count_max:int`
            forwarded_count_max: i32,
            /// `online_update_period_ms:int`
            online_update_period_ms: i32,
            /// `offline_blur_timeout_ms:int`
            offline_blur_timeout_ms: i32,
            /// `offline_idle_timeout_ms:int`
            offline_idle_timeout_ms: i32,
            /// `online_cloud_timeout_ms:int`
            online_cloud_timeout_ms: i32,
            /// `notify_cloud_delay_ms:int`
            notify_cloud_delay_ms: i32,
            /// `notify_default_delay_ms:int`
            notify_default_delay_ms: i32,
            /// `push_chat_period_ms:int`
            push_chat_period_ms: i32,
            /// `push_chat_limit:int`
            push_chat_limit: i32,
            /// `edit_time_limit:int`
            edit_time_limit: i32,
            /// `revoke_time_limit:int`
            revoke_time_limit: i32,
            /// `revoke_pm_time_limit:int`
            revoke_pm_time_limit: i32,
            /// `rating_e_decay:int`
            rating_e_decay: i32,
            /// `stickers_recent_limit:int`
            stickers_recent_limit: i32,
            /// `channels_read_media_period:int`
            channels_read_media_period: i32,
            /// `tmp_sessions:flags.0?int`
            tmp_sessions: Option<i32> = flags.0,
            /// `call_receive_timeout_ms:int`
            call_receive_timeout_ms: i32,
            /// `call_ring_timeout_ms:int`
            call_ring_timeout_ms: i32,
            /// `call_connect_timeout_ms:int`
            call_connect_timeout_ms: i32,
            /// `call_packet_timeout_ms:int`
            call_packet_timeout_ms: i32,
            /// `me_url_prefix:string`
            me_url_prefix: String,
            /// `autoupdate_url_prefix:flags.7?string`
            autoupdate_url_prefix: Option<String> = flags.7,
            /// `gif_search_username:flags.9?string`
            gif_search_username: Option<String> = flags.9,
            /// `venue_search_username:flags.10?string`
            venue_search_username: Option<String> = flags.10,
            /// `img_search_username:flags.11?string`
            img_search_username: Option<String> = flags.11,
            /// `static_maps_provider:flags.12?string`
            static_maps_provider: Option<String> = flags.12,
            /// `caption_length_max:int`
            caption_length_max: i32,
            /// the longest message text, in characters
            message_length_max: i32,
            /// `webfile_dc_id:int`
            webfile_dc_id: i32,
            /// `suggested_lang_code:flags.2?string`
            suggested_lang_code: Option<String> = flags.2,
            /// `lang_pack_version:flags.2?int`
            lang_pack_version: Option<i32> = flags.2,
            /// `base_lang_pack_version:flags.2?int`
            base_lang_pack_version: Option<i32> = flags.2,
            /// `reactions_default:flags.15?Reaction`
            reactions_default: Option<enums::Reaction> = flags.15,
            /// `autologin_token:flags.16?string`
            autologin_token: Option<String> = flags.16,
        }
    }

    tl_struct! {
        /// Which data centre to use
        ///
        /// `nearestDc#8e1a1775 country:string this_dc:int nearest_dc:int = NearestDc;`
        pub struct NearestDc = "nearestDc" 0x8e1a1775 {
            /// two letters, or empty if not known
            country: String,
            /// the data centre of this connection
            this_dc: i32,
            /// the one to prefer; on this server always this_dc
            nearest_dc: i32,
        }
    }

    tl_struct! {
        /// A JSON document
        ///
        /// `dataJSON#7d748d04 data:string = DataJSON;`
        pub struct DataJson = "dataJSON" 0x7d748d04 {
            /// its text
            data: String,
        }
    }

    tl_struct! {
        /// The MTProxy that a client connects through; this server does not look at it
        ///
        /// `inputClientProxy#75588b3f address:string port:int = InputClientProxy;`
        pub struct InputClientProxy = "inputClientProxy" 0x75588b3f {
            /// the host name or address
            address: String,
            /// the TCP port
            port: i32,
        }
    }

    tl_struct! {
        /// A member of a JSON object
        ///
        /// `jsonObjectValue#c0de1bd9 key:string value:JSONValue = JSONObjectValue;`
        pub struct JsonObjectValue = "jsonObjectValue" 0xc0de1bd9 {
            /// its name
            key: String,
            /// its value
            value: enums::JsonValue,
        }
    }

    tl_struct! {
        /// null
        ///
        /// `jsonNull#3f6d7b68 = JSONValue;`
        pub struct JsonNull = "jsonNull" 0x3f6d7b68;
    }

    tl_struct! {
        /// true or false
        ///
        /// `jsonBool#c7345e6a value:Bool = JSONValue;`
        pub struct JsonBool = "jsonBool" 0xc7345e6a {
            /// `value:Bool`
            value: bool,
        }
    }

    tl_struct! {
        /// A number
        ///
        /// `jsonNumber#2be0dfa4 value:double = JSONValue;`
        pub struct JsonNumber = "jsonNumber" 0x2be0dfa4 {
            /// `value:double`
            value: f64,
        }
    }

    tl_struct! {
        /// A string
        ///
        /// `jsonString#b71e767a value:string = JSONValue;`
        pub struct JsonString = "jsonString" 0xb71e767a {
            /// `value:string`
            value: String,
        }
    }

    tl_struct! {
        /// An array
        ///
        /// `jsonArray#f7444763 value:Vector<JSONValue> = JSONValue;`
        pub struct JsonArray = "jsonArray" 0xf7444763 {
            /// its items, in order
            value: Vec<enums::JsonValue>,
        }
    }

    tl_struct! {
        /// An object
        ///
        /// `jsonObject#99c1d49d value:Vector<JSONObjectValue> = JSONValue;`
        pub struct JsonObject = "jsonObject" 0x99c1d49d {
            /// its members
            value: Vec<types::JsonObjectValue>,
        }
    }

    tl_struct! {
        /// No reaction
        ///
        /// `reactionEmpty#79f5d419 = Reaction;`
        pub struct ReactionEmpty = "reactionEmpty" 0x79f5d419;
    }

    tl_struct! {
        /// An emoji
        ///
        /// `reactionEmoji#1b2286b8 emoticon:string = Reaction;`
        pub struct ReactionEmoji = "reactionEmoji" 0x1b2286b8 {
            /// the emoji itself
            emoticon: String,
        }
    }

    tl_struct! {
        /// A picture in place of an emoji
        ///
        /// `reactionCustomEmoji#8935fc73 document_id:long = Reaction;`
        pub struct ReactionCustomEmoji = "reactionCustomEmoji" 0x8935fc73 {
            /// which picture
            document_id: i64,
        }
    }

    tl_struct! {
        /// A paid reaction
        ///
        /// `reactionPaid#523da4eb = Reaction;`
        pub struct ReactionPaid = "reactionPaid" 0x523da4eb;
    }

    tl_struct! {
        /// A user of this server, as the caller sees it
        ///
        /// `user#12102001 flags:# self:flags.0?true contact:flags.1?true id:long access_hash:long username:string first_name:string = User;`
        pub struct User = "user" 0x12102001 {
            [flags]
            /// the caller itself
            self_ "self": bool = flags.0,
            /// the caller has added this user to its contacts
            contact: bool = flags.1,
            /// unique on this server
            id: i64,
            /// what the caller must present to name this user; differs from caller to caller
            access_hash: i64,
            /// 3 to 32 ASCII letters, digits and underscores, the first a letter; upper and lower case name the same user
            username: String,
            /// the name to show, 1 to 64 characters
            first_name: String,
        }
    }

    tl_struct! {
        /// The other side of a dialog, in an answer: a user
        ///
        /// `peerUser#59511722 user_id:long = Peer;`
        pub struct PeerUser = "peerUser" 0x59511722 {
            /// the id of the user
            user_id: i64,
        }
    }

    tl_struct! {
        /// The dialog of the caller with itself
        ///
        /// `inputPeerSelf#7da07ec9 = InputPeer;`
        pub struct InputPeerSelf = "inputPeerSelf" 0x7da07ec9;
    }

    tl_struct! {
        /// The dialog with a user
        ///
        /// With an access_hash that is not the caller's for this user a request fails with PEER_ID_INVALID
        ///
        /// `inputPeerUser#dde8a54c user_id:long access_hash:long = InputPeer;`
        pub struct InputPeerUser = "inputPeerUser" 0xdde8a54c {
            /// the id of the user
            user_id: i64,
            /// as the caller has received it with this user
            access_hash: i64,
        }
    }

    tl_struct! {
        /// The caller
        ///
        /// `inputUserSelf#f7c1b13f = InputUser;`
        pub struct InputUserSelf = "inputUserSelf" 0xf7c1b13f;
    }

    tl_struct! {
        /// A user
        ///
        /// With an access_hash that is not the caller's for this user a request fails with PEER_ID_INVALID, or leaves the user out
        ///
        /// `inputUser#f21158c6 user_id:long access_hash:long = InputUser;`
        pub struct InputUser = "inputUser" 0xf21158c6 {
            /// the id of the user
            user_id: i64,
            /// as the caller has received it with this user
            access_hash: i64,
        }
    }

    tl_struct! {
        /// A message as the caller's mailbox sees it
        ///
        /// `message#64ea0a28 flags:# out:flags.0?true id:long from_id:Peer peer_id:Peer date:int message:string media:flags.1?DataJSON = Message;`
        pub struct Message = "message" 0x64ea0a28 {
            [flags]
            /// the caller is its author
            out: bool = flags.0,
            /// unique on this server, rising in commit order
            id: i64,
            /// its author
            from_id: types::PeerUser,
            /// the other side of the dialog, as the caller sees it
            peer_id: types::PeerUser,
            /// when the server committed it, Unix seconds
            date: i32,
            /// its text, at most 4096 characters
            message: String,
            /// a JSON reference to stored media, at most 4096 bytes
            media: Option<types::DataJson> = flags.1,
        }
    }

    tl_struct! {
        /// Where the caller stands in the conversation with one peer
        ///
        /// `dialog#b3cc3970 peer:Peer top_message:long read_inbox_max_id:long read_outbox_max_id:long unread_count:int = Dialog;`
        pub struct Dialog = "dialog" 0xb3cc3970 {
            /// the other side
            peer: types::PeerUser,
            /// the id of the newest message
            top_message: i64,
            /// the caller has read messages of the peer up to this id
            read_inbox_max_id: i64,
            /// the peer has read messages of the caller up to this id
            read_outbox_max_id: i64,
            /// messages of the peer that the caller has not read
            unread_count: i32,
        }
    }

    tl_struct! {
        /// The user is writing
        ///
        /// `sendMessageTypingAction#16bf744e = SendMessageAction;`
        pub struct SendMessageTypingAction = "sendMessageTypingAction" 0x16bf744e;
    }

    tl_struct! {
        /// The user has stopped
        ///
        /// `sendMessageCancelAction#fd5ec8f5 = SendMessageAction;`
        pub struct SendMessageCancelAction = "sendMessageCancelAction" 0xfd5ec8f5;
    }

    tl_struct! {
        /// Someone wrote to the caller
        ///
        /// `updateNewMessage#1f2b0afd message:Message pts:int pts_count:int = Update;`
        pub struct UpdateNewMessage = "updateNewMessage" 0x1f2b0afd {
            /// what
            message: types::Message,
            /// the mailbox stands here after this update
            pts: i32,
            /// by how much the update moves pts
            pts_count: i32,
        }
    }

    tl_struct! {
        /// The caller wrote, on this or another device
        ///
        /// `updateMessageSent#7107201a message:Message random_id:long pts:int pts_count:int = Update;`
        pub struct UpdateMessageSent = "updateMessageSent" 0x7107201a {
            /// what
            message: types::Message,
            /// as given to messages.sendMessage
            random_id: i64,
            /// the mailbox stands here after this update
            pts: i32,
            /// by how much the update moves pts
            pts_count: i32,
        }
    }

    tl_struct! {
        /// Messages up to max_id are read
        ///
        /// `updateReadHistory#b5b7ca44 flags:# outbox:flags.0?true peer:Peer max_id:long still_unread_count:int pts:int pts_count:int = Update;`
        pub struct UpdateReadHistory = "updateReadHistory" 0xb5b7ca44 {
            [flags]
            /// the peer has read the caller's messages; else the caller has read the peer's
            outbox: bool = flags.0,
            /// in the dialog with this peer
            peer: types::PeerUser,
            /// the id of the newest message that is read
            max_id: i64,
            /// messages of the dialog that the one who reads has still not read
            still_unread_count: i32,
            /// the mailbox stands here after this update
            pts: i32,
            /// by how much the update moves pts
            pts_count: i32,
        }
    }

    tl_struct! {
        /// Someone writes to the caller, or has stopped; in no log, so a client that was away never sees it
        ///
        /// `updateUserTyping#c01e857f user_id:long action:SendMessageAction = Update;`
        pub struct UpdateUserTyping = "updateUserTyping" 0xc01e857f {
            /// who
            user_id: i64,
            /// what that user does
            action: enums::SendMessageAction,
        }
    }

    tl_struct! {
        /// Too much happened to tell it here: call updates.getDifference
        ///
        /// `updatesTooLong#e317af7e = Updates;`
        pub struct UpdatesTooLong = "updatesTooLong" 0xe317af7e;
    }

    tl_struct! {
        /// One update that needs no users
        ///
        /// `updateShort#78d4dec1 update:Update date:int = Updates;`
        pub struct UpdateShort = "updateShort" 0x78d4dec1 {
            /// what happened
            update: enums::Update,
            /// when it was sent, Unix seconds
            date: i32,
        }
    }

    tl_struct! {
        /// Updates that belong together
        ///
        /// `updates#401e2009 updates:Vector<Update> users:Vector<User> date:int seq:int = Updates;`
        pub struct Updates = "updates" 0x401e2009 {
            /// what happened, in the order of pts
            updates: Vec<enums::Update>,
            /// the users that the updates speak of
            users: Vec<types::User>,
            /// when they were sent, Unix seconds
            date: i32,
            /// 0: this layer has no sequence besides pts
            seq: i32,
        }
    }

    /// Those of the namespace `auth`.
    pub mod auth {
        use super::super::types;
        use crate::tl_struct;

        tl_struct! {
            /// The key is logged in
            ///
            /// `auth.authorization#ff036af1 user:User = auth.Authorization;`
            pub struct Authorization = "auth.authorization" 0xff036af1 {
                /// the user it is logged in as
                user: types::User,
            }
        }
    }

    /// Those of the namespace `contacts`.
    pub mod contacts {
        use super::super::types;
        use crate::prelude::Vec;
        use crate::tl_struct;

        tl_struct! {
            /// Who has a username
            ///
            /// `contacts.resolvedPeer#59a29ccf peer:Peer users:Vector<User> = contacts.ResolvedPeer;`
            pub struct ResolvedPeer = "contacts.resolvedPeer" 0x59a29ccf {
                /// that user
                peer: types::PeerUser,
                /// the user in full, with its access_hash
                users: Vec<types::User>,
            }
        }

        tl_struct! {
            /// The contacts of the caller
            ///
            /// `contacts.contacts#fbb5db26 users:Vector<User> = contacts.Contacts;`
            pub struct Contacts = "contacts.contacts" 0xfbb5db26 {
                /// all of them, at most 1000
                users: Vec<types::User>,
            }
        }
    }

    /// Those of the namespace `help`.
    pub mod help {
        use crate::prelude::Bytes;
        use crate::tl_struct;

        tl_struct! {
            /// The bytes of a help.echo
            ///
            /// `help.echoed#795e8f8c data:bytes = help.Echoed;`
            pub struct Echoed = "help.echoed" 0x795e8f8c {
                /// as they came
                data: Bytes,
            }
        }
    }

    /// Those of the namespace `messages`.
    pub mod messages {
        use super::super::types;
        use crate::prelude::Vec;
        use crate::tl_struct;

        tl_struct! {
            /// The message is stored
            ///
            /// The same for each repetition of a request with the same random_id
            ///
            /// `messages.sentMessage#53a3bb31 id:long date:int pts:int pts_count:int = messages.SentMessage;`
            pub struct SentMessage = "messages.sentMessage" 0x53a3bb31 {
                /// the id of the message
                id: i64,
                /// when the server committed it, Unix seconds
                date: i32,
                /// the mailbox of the caller stands here after the message
                pts: i32,
                /// by how much the message moved pts: 1
                pts_count: i32,
            }
        }

        tl_struct! {
            /// A part of a history, newest first
            ///
            /// `messages.messages#af5958d0 count:int messages:Vector<Message> users:Vector<User> = messages.Messages;`
            pub struct Messages = "messages.messages" 0xaf5958d0 {
                /// messages of the whole dialog
                count: i32,
                /// at most limit of them
                messages: Vec<types::Message>,
                /// the users that the messages speak of
                users: Vec<types::User>,
            }
        }

        tl_struct! {
            /// A part of the list of dialogs, the one with the newest message first
            ///
            /// `messages.dialogs#d662e080 count:int dialogs:Vector<Dialog> messages:Vector<Message> users:Vector<User> = messages.Dialogs;`
            pub struct Dialogs = "messages.dialogs" 0xd662e080 {
                /// dialogs of the caller
                count: i32,
                /// at most limit of them
                dialogs: Vec<types::Dialog>,
                /// the newest message of each
                messages: Vec<types::Message>,
                /// the users that these speak of
                users: Vec<types::User>,
            }
        }

        tl_struct! {
            /// How a request moved the mailbox of the caller
            ///
            /// `messages.affectedMessages#84d19185 pts:int pts_count:int = messages.AffectedMessages;`
            pub struct AffectedMessages = "messages.affectedMessages" 0x84d19185 {
                /// the mailbox stands here
                pts: i32,
                /// by how much the request moved pts; 0 if it changed nothing
                pts_count: i32,
            }
        }
    }

    /// Those of the namespace `updates`.
    pub mod updates {
        use super::super::{enums, types};
        use crate::prelude::Vec;
        use crate::tl_struct;

        tl_struct! {
            /// Where the mailbox of the caller stands
            ///
            /// `updates.state#a56c2a3e pts:int qts:int date:int seq:int unread_count:int = updates.State;`
            pub struct State = "updates.state" 0xa56c2a3e {
                /// the number of the last update
                pts: i32,
                /// 0: this layer does not use it
                qts: i32,
                /// the time of the server, Unix seconds
                date: i32,
                /// 0: this layer has no sequence besides pts
                seq: i32,
                /// unread messages of all dialogs
                unread_count: i32,
            }
        }

        tl_struct! {
            /// Nothing happened after pts
            ///
            /// `updates.differenceEmpty#5d75a138 date:int seq:int = updates.Difference;`
            pub struct DifferenceEmpty = "updates.differenceEmpty" 0x5d75a138 {
                /// the time of the server, Unix seconds
                date: i32,
                /// 0: this layer has no sequence besides pts
                seq: i32,
            }
        }

        tl_struct! {
            /// All that happened after pts
            ///
            /// `updates.difference#efe7b03b updates:Vector<Update> users:Vector<User> state:updates.State = updates.Difference;`
            pub struct Difference = "updates.difference" 0xefe7b03b {
                /// what happened, in the order of pts
                updates: Vec<enums::Update>,
                /// the users that the updates speak of
                users: Vec<types::User>,
                /// where the mailbox stands now
                state: types::updates::State,
            }
        }

        tl_struct! {
            /// The first part of what happened after pts: ask again from intermediate_state
            ///
            /// `updates.differenceSlice#8521eeab updates:Vector<Update> users:Vector<User> intermediate_state:updates.State = updates.Difference;`
            pub struct DifferenceSlice = "updates.differenceSlice" 0x8521eeab {
                /// what happened, in the order of pts
                updates: Vec<enums::Update>,
                /// the users that the updates speak of
                users: Vec<types::User>,
                /// where the mailbox stood after these updates
                intermediate_state: types::updates::State,
            }
        }

        tl_struct! {
            /// More happened than pts_total_limit: fetch dialogs and histories anew, and go on from pts
            ///
            /// `updates.differenceTooLong#4afe8f6d pts:int = updates.Difference;`
            pub struct DifferenceTooLong = "updates.differenceTooLong" 0x4afe8f6d {
                /// where the mailbox stands now
                pts: i32,
            }
        }
    }
}

/// All types with more than one constructor.
pub mod enums {
    use super::types;
    use crate::tl_enum;

    tl_enum! {
        /// `InputPeer`
        pub enum InputPeer = "InputPeer" {
            /// `inputPeerSelf`
            InputPeerSelf = types::InputPeerSelf,
            /// `inputPeerUser`
            InputPeerUser(types::InputPeerUser),
        }
    }
    tl_enum! {
        /// `InputUser`
        pub enum InputUser = "InputUser" {
            /// `inputUserSelf`
            InputUserSelf = types::InputUserSelf,
            /// `inputUser`
            InputUser(types::InputUser),
        }
    }
    tl_enum! {
        /// `JSONValue`
        pub enum JsonValue = "JSONValue" {
            /// `jsonNull`
            JsonNull = types::JsonNull,
            /// `jsonBool`
            JsonBool(types::JsonBool),
            /// `jsonNumber`
            JsonNumber(types::JsonNumber),
            /// `jsonString`
            JsonString(types::JsonString),
            /// `jsonArray`
            JsonArray(types::JsonArray),
            /// `jsonObject`
            JsonObject(types::JsonObject),
        }
    }
    tl_enum! {
        /// `Reaction`
        pub enum Reaction = "Reaction" {
            /// `reactionEmpty`
            ReactionEmpty = types::ReactionEmpty,
            /// `reactionEmoji`
            ReactionEmoji(types::ReactionEmoji),
            /// `reactionCustomEmoji`
            ReactionCustomEmoji(types::ReactionCustomEmoji),
            /// `reactionPaid`
            ReactionPaid = types::ReactionPaid,
        }
    }
    tl_enum! {
        /// `SendMessageAction`
        pub enum SendMessageAction = "SendMessageAction" {
            /// `sendMessageTypingAction`
            SendMessageTypingAction = types::SendMessageTypingAction,
            /// `sendMessageCancelAction`
            SendMessageCancelAction = types::SendMessageCancelAction,
        }
    }
    tl_enum! {
        /// `Update`
        pub enum Update = "Update" {
            /// `updateNewMessage`
            UpdateNewMessage(types::UpdateNewMessage),
            /// `updateMessageSent`
            UpdateMessageSent(types::UpdateMessageSent),
            /// `updateReadHistory`
            UpdateReadHistory(types::UpdateReadHistory),
            /// `updateUserTyping`
            UpdateUserTyping(types::UpdateUserTyping),
        }
    }
    tl_enum! {
        /// `Updates`
        pub enum Updates = "Updates" {
            /// `updatesTooLong`
            UpdatesTooLong = types::UpdatesTooLong,
            /// `updateShort`
            UpdateShort(types::UpdateShort),
            /// `updates`
            Updates(types::Updates),
        }
    }

    /// Those of the namespace `updates`.
    pub mod updates {
        use super::super::types;
        use crate::tl_enum;

        tl_enum! {
            /// `updates.Difference`
            pub enum Difference = "updates.Difference" {
                /// `updates.differenceEmpty`
                DifferenceEmpty(types::updates::DifferenceEmpty),
                /// `updates.difference`
                Difference(types::updates::Difference),
                /// `updates.differenceSlice`
                DifferenceSlice(types::updates::DifferenceSlice),
                /// `updates.differenceTooLong`
                DifferenceTooLong(types::updates::DifferenceTooLong),
            }
        }
    }
}

/// All functions.
pub mod functions {
    use super::{enums, types};
    use crate::prelude::{Raw, String, Vec};
    use crate::tl_struct;

    tl_struct! {
        /// A call that runs only if another one of this session has succeeded
        ///
        /// Errors: MSG_WAIT_FAILED if that one failed, MSG_WAIT_TIMEOUT if it has not come before this one
        ///
        /// `invokeAfterMsg#cb9f372d {X:Type} msg_id:long query:!X = X;`
        pub struct InvokeAfterMsg = "invokeAfterMsg" 0xcb9f372d -> Raw {
            /// the message with the other call
            msg_id: i64,
            /// the call
            query: Raw,
        }
    }

    tl_struct! {
        /// A call that runs only if others of this session have succeeded
        ///
        /// Errors: MSG_WAIT_FAILED if one of them failed, MSG_WAIT_TIMEOUT if one has not come before this one
        ///
        /// `invokeAfterMsgs#3dc4b4f0 {X:Type} msg_ids:Vector<long> query:!X = X;`
        pub struct InvokeAfterMsgs = "invokeAfterMsgs" 0x3dc4b4f0 -> Raw {
            /// the messages with the other calls
            msg_ids: Vec<i64>,
            /// the call
            query: Raw,
        }
    }

    tl_struct! {
        /// The first call of a connection, together with what the client says about itself
        ///
        /// `initConnection#c1cd5ea9 {X:Type} flags:# api_id:int device_model:string system_version:string app_version:string system_lang_code:string lang_pack:string lang_code:string proxy:flags.0?InputClientProxy params:flags.1?JSONValue query:!X = X;`
        pub struct InitConnection = "initConnection" 0xc1cd5ea9 -> Raw {
            [flags]
            /// which program it is; any number will do here
            api_id: i32,
            /// the device, for people
            device_model: String,
            /// the system of the device
            system_version: String,
            /// the version of the program
            app_version: String,
            /// the language of the system
            system_lang_code: String,
            /// a name of a set of translations, or empty
            lang_pack: String,
            /// the language of the program
            lang_code: String,
            /// the MTProxy that the client connects through
            proxy: Option<types::InputClientProxy> = flags.0,
            /// anything else
            params: Option<enums::JsonValue> = flags.1,
            /// the call
            query: Raw,
        }
    }

    tl_struct! {
        /// A call in a layer of the schema; wraps initConnection in the first call of a connection
        ///
        /// `invokeWithLayer#da9b0d0d {X:Type} layer:int query:!X = X;`
        pub struct InvokeWithLayer = "invokeWithLayer" 0xda9b0d0d -> Raw {
            /// the number of the layer
            layer: i32,
            /// the call
            query: Raw,
        }
    }

    tl_struct! {
        /// A call that does not subscribe this session to updates
        ///
        /// `invokeWithoutUpdates#bf9459b7 {X:Type} query:!X = X;`
        pub struct InvokeWithoutUpdates = "invokeWithoutUpdates" 0xbf9459b7 -> Raw {
            /// the call
            query: Raw,
        }
    }

    /// Those of the namespace `auth`.
    pub mod auth {
        use super::super::types;
        use crate::prelude::String;
        use crate::tl_struct;

        tl_struct! {
            /// Creates an account and logs this key in
            ///
            /// A repetition with the same key, username and password gives the same answer
            ///
            /// Errors: USERNAME_INVALID, USERNAME_OCCUPIED, PASSWORD_INVALID, FIRSTNAME_INVALID, AUTH_KEY_ALREADY_AUTHORIZED if the key is logged in as someone else, AUTH_KEY_UNREGISTERED if the key is not a permanent one
            ///
            /// `auth.signUp#73d3b2e9 username:string password:string first_name:string = auth.Authorization;`
            @redact pub struct SignUp = "auth.signUp" 0x73d3b2e9 -> types::auth::Authorization {
                /// 3 to 32 ASCII letters, digits and underscores, the first a letter
                username: String,
                /// 1 to 1024 bytes
                password: String,
                /// the name to show: 1 to 64 characters, not only spaces, no control characters
                first_name: String,
            }
        }

        tl_struct! {
            /// Logs this key in
            ///
            /// A repetition with the same key, username and password gives the same answer
            ///
            /// Errors: USERNAME_INVALID, PASSWORD_INVALID, PASSWORD_HASH_INVALID if the username is unknown or the password wrong (the answer does not say which), AUTH_KEY_ALREADY_AUTHORIZED if the key is logged in as someone else, AUTH_KEY_UNREGISTERED if the key is not a permanent one
            ///
            /// `auth.signIn#c06f8665 username:string password:string = auth.Authorization;`
            @redact pub struct SignIn = "auth.signIn" 0xc06f8665 -> types::auth::Authorization {
                /// as given to auth.signUp
                username: String,
                /// as given to auth.signUp
                password: String,
            }
        }

        tl_struct! {
            /// Logs this key out; the key stays, and may log in again
            ///
            /// `auth.logOut#5717da40 = Bool;`
            pub struct LogOut = "auth.logOut" 0x5717da40 -> bool;
        }
    }

    /// Those of the namespace `contacts`.
    pub mod contacts {
        use super::super::{enums, types};
        use crate::prelude::String;
        use crate::tl_struct;

        tl_struct! {
            /// The user with a username
            ///
            /// Errors: USERNAME_INVALID, USERNAME_NOT_OCCUPIED
            ///
            /// `contacts.resolveUsername#f93ccba3 username:string = contacts.ResolvedPeer;`
            pub struct ResolveUsername = "contacts.resolveUsername" 0xf93ccba3 -> types::contacts::ResolvedPeer {
                /// the whole name, without an @
                username: String,
            }
        }

        tl_struct! {
            /// Adds a user to the contacts of the caller; gives the user, whether or not it was one before
            ///
            /// Errors: PEER_ID_INVALID, CONTACT_ID_INVALID if it is the caller itself, CONTACTS_TOO_MUCH above 1000
            ///
            /// `contacts.addContact#e10b82ba id:InputUser = User;`
            pub struct AddContact = "contacts.addContact" 0xe10b82ba -> types::User {
                /// the user
                id: enums::InputUser,
            }
        }

        tl_struct! {
            /// All contacts of the caller
            ///
            /// `contacts.getContacts#d1e17dd7 = contacts.Contacts;`
            pub struct GetContacts = "contacts.getContacts" 0xd1e17dd7 -> types::contacts::Contacts;
        }
    }

    /// Those of the namespace `help`.
    pub mod help {
        use super::super::types;
        use crate::prelude::Bytes;
        use crate::tl_struct;

        tl_struct! {
            /// Where the servers are, and the limits; needs no login
            ///
            /// `help.getConfig#c4f9186b = Config;`
            pub struct GetConfig = "help.getConfig" 0xc4f9186b -> types::Config;
        }

        tl_struct! {
            /// Which data centre to use; needs no login
            ///
            /// `help.getNearestDc#1fb33026 = NearestDc;`
            pub struct GetNearestDc = "help.getNearestDc" 0x1fb33026 -> types::NearestDc;
        }

        tl_struct! {
            /// Gives the bytes back; needs no login
            ///
            /// `help.echo#983bf800 data:bytes = help.Echoed;`
            pub struct Echo = "help.echo" 0x983bf800 -> types::help::Echoed {
                /// any bytes
                data: Bytes,
            }
        }
    }

    /// Those of the namespace `messages`.
    pub mod messages {
        use super::super::{enums, types};
        use crate::prelude::String;
        use crate::tl_struct;

        tl_struct! {
            /// Sends a message, exactly once for each random_id of the caller
            ///
            /// Errors: PEER_ID_INVALID, RANDOM_ID_INVALID, MESSAGE_EMPTY if there is neither text nor media, MESSAGE_TOO_LONG, MEDIA_INVALID
            ///
            /// `messages.sendMessage#6c3096a5 flags:# peer:InputPeer message:string random_id:long media:flags.0?DataJSON = messages.SentMessage;`
            pub struct SendMessage = "messages.sendMessage" 0x6c3096a5 -> types::messages::SentMessage {
                [flags]
                /// to whom
                peer: enums::InputPeer,
                /// the text, at most 4096 characters; may be empty if there is media
                message: String,
                /// made up by the caller, not 0; a repetition with it gives the first answer and sends nothing
                random_id: i64,
                /// any JSON document of at most 4096 bytes
                media: Option<types::DataJson> = flags.0,
            }
        }

        tl_struct! {
            /// Messages of one dialog, newest first
            ///
            /// Errors: PEER_ID_INVALID, LIMIT_INVALID, OFFSET_INVALID
            ///
            /// `messages.getHistory#8834bf4e peer:InputPeer offset_id:long limit:int = messages.Messages;`
            pub struct GetHistory = "messages.getHistory" 0x8834bf4e -> types::messages::Messages {
                /// the other side
                peer: enums::InputPeer,
                /// only messages with a lower id; 0 for the newest
                offset_id: i64,
                /// 1 to 100 messages
                limit: i32,
            }
        }

        tl_struct! {
            /// Dialogs of the caller, the one with the newest message first
            ///
            /// Errors: LIMIT_INVALID, OFFSET_INVALID
            ///
            /// `messages.getDialogs#1a6112fa offset_id:long limit:int = messages.Dialogs;`
            pub struct GetDialogs = "messages.getDialogs" 0x1a6112fa -> types::messages::Dialogs {
                /// only dialogs whose top_message is lower; 0 for the newest
                offset_id: i64,
                /// 1 to 100 dialogs
                limit: i32,
            }
        }

        tl_struct! {
            /// Marks the messages of a peer as read, and tells the peer; what is read already changes nothing
            ///
            /// Errors: PEER_ID_INVALID, MAX_ID_INVALID
            ///
            /// `messages.readHistory#d371af80 peer:InputPeer max_id:long = messages.AffectedMessages;`
            pub struct ReadHistory = "messages.readHistory" 0xd371af80 -> types::messages::AffectedMessages {
                /// the other side
                peer: enums::InputPeer,
                /// up to this id; 0 for all of them
                max_id: i64,
            }
        }

        tl_struct! {
            /// Tells the sessions of a peer that are connected what the caller does; stored nowhere
            ///
            /// Errors: PEER_ID_INVALID
            ///
            /// `messages.setTyping#a3825e50 peer:InputPeer action:SendMessageAction = Bool;`
            pub struct SetTyping = "messages.setTyping" 0xa3825e50 -> bool {
                /// to whom
                peer: enums::InputPeer,
                /// what the caller does
                action: enums::SendMessageAction,
            }
        }
    }

    /// Those of the namespace `updates`.
    pub mod updates {
        use super::super::{enums, types};
        use crate::tl_struct;

        tl_struct! {
            /// Where the mailbox of the caller stands: what a client without a state starts from
            ///
            /// `updates.getState#edd4882a = updates.State;`
            pub struct GetState = "updates.getState" 0xedd4882a -> types::updates::State;
        }

        tl_struct! {
            /// The updates of the caller's own mailbox after pts
            ///
            /// Errors: PERSISTENT_TIMESTAMP_INVALID if pts is negative or ahead of the mailbox, LIMIT_INVALID
            ///
            /// `updates.getDifference#19c2f763 flags:# pts:int pts_limit:flags.1?int pts_total_limit:flags.0?int date:int qts:int qts_limit:flags.2?int = updates.Difference;`
            pub struct GetDifference = "updates.getDifference" 0x19c2f763 -> enums::updates::Difference {
                [flags]
                /// the last update that the client has seen; 0 for the first one
                pts: i32,
                /// at most so many updates in one answer: 1 or more, taken as 1000 above that, 100 if absent
                pts_limit: Option<i32> = flags.1,
                /// if more updates than this are missing, do not send them: the answer is updates.differenceTooLong
                pts_total_limit: Option<i32> = flags.0,
                /// not used by this layer
                date: i32,
                /// not used by this layer
                qts: i32,
                /// not used by this layer
                qts_limit: Option<i32> = flags.2,
            }
        }
    }

    /// Those of the namespace `users`.
    pub mod users {
        use super::super::{enums, types};
        use crate::prelude::Vec;
        use crate::tl_struct;

        tl_struct! {
            /// Users by their ids and access_hashes; those that the caller cannot name are left out
            ///
            /// Errors: USERS_TOO_MUCH
            ///
            /// `users.getUsers#0d91a548 id:Vector<InputUser> = Vector<User>;`
            pub struct GetUsers = "users.getUsers" 0x0d91a548 -> Vec<types::User> {
                /// at most 100 users
                id: Vec<enums::InputUser>,
            }
        }
    }
}

crate::tl_enum! {
    /// A value of any type.
    pub enum Object = "Object" {
        /// `dcOption`
        DcOption(types::DcOption),
        /// `config`
        Config(types::Config),
        /// `nearestDc`
        NearestDc(types::NearestDc),
        /// `dataJSON`
        DataJson(types::DataJson),
        /// `inputClientProxy`
        InputClientProxy(types::InputClientProxy),
        /// `jsonObjectValue`
        JsonObjectValue(types::JsonObjectValue),
        /// `jsonNull`
        JsonNull(types::JsonNull),
        /// `jsonBool`
        JsonBool(types::JsonBool),
        /// `jsonNumber`
        JsonNumber(types::JsonNumber),
        /// `jsonString`
        JsonString(types::JsonString),
        /// `jsonArray`
        JsonArray(types::JsonArray),
        /// `jsonObject`
        JsonObject(types::JsonObject),
        /// `reactionEmpty`
        ReactionEmpty(types::ReactionEmpty),
        /// `reactionEmoji`
        ReactionEmoji(types::ReactionEmoji),
        /// `reactionCustomEmoji`
        ReactionCustomEmoji(types::ReactionCustomEmoji),
        /// `reactionPaid`
        ReactionPaid(types::ReactionPaid),
        /// `user`
        User(types::User),
        /// `peerUser`
        PeerUser(types::PeerUser),
        /// `inputPeerSelf`
        InputPeerSelf(types::InputPeerSelf),
        /// `inputPeerUser`
        InputPeerUser(types::InputPeerUser),
        /// `inputUserSelf`
        InputUserSelf(types::InputUserSelf),
        /// `inputUser`
        InputUser(types::InputUser),
        /// `message`
        Message(types::Message),
        /// `dialog`
        Dialog(types::Dialog),
        /// `sendMessageTypingAction`
        SendMessageTypingAction(types::SendMessageTypingAction),
        /// `sendMessageCancelAction`
        SendMessageCancelAction(types::SendMessageCancelAction),
        /// `auth.authorization`
        AuthAuthorization(types::auth::Authorization),
        /// `contacts.resolvedPeer`
        ContactsResolvedPeer(types::contacts::ResolvedPeer),
        /// `contacts.contacts`
        ContactsContacts(types::contacts::Contacts),
        /// `messages.sentMessage`
        MessagesSentMessage(types::messages::SentMessage),
        /// `messages.messages`
        MessagesMessages(types::messages::Messages),
        /// `messages.dialogs`
        MessagesDialogs(types::messages::Dialogs),
        /// `messages.affectedMessages`
        MessagesAffectedMessages(types::messages::AffectedMessages),
        /// `help.echoed`
        HelpEchoed(types::help::Echoed),
        /// `updateNewMessage`
        UpdateNewMessage(types::UpdateNewMessage),
        /// `updateMessageSent`
        UpdateMessageSent(types::UpdateMessageSent),
        /// `updateReadHistory`
        UpdateReadHistory(types::UpdateReadHistory),
        /// `updateUserTyping`
        UpdateUserTyping(types::UpdateUserTyping),
        /// `updatesTooLong`
        UpdatesTooLong(types::UpdatesTooLong),
        /// `updateShort`
        UpdateShort(types::UpdateShort),
        /// `updates`
        Updates(types::Updates),
        /// `updates.state`
        UpdatesState(types::updates::State),
        /// `updates.differenceEmpty`
        UpdatesDifferenceEmpty(types::updates::DifferenceEmpty),
        /// `updates.difference`
        UpdatesDifference(types::updates::Difference),
        /// `updates.differenceSlice`
        UpdatesDifferenceSlice(types::updates::DifferenceSlice),
        /// `updates.differenceTooLong`
        UpdatesDifferenceTooLong(types::updates::DifferenceTooLong),
    }
}

crate::tl_enum! {
    /// A call of any function.
    pub enum Request = "Request" {
        /// `invokeAfterMsg`
        InvokeAfterMsg(functions::InvokeAfterMsg),
        /// `invokeAfterMsgs`
        InvokeAfterMsgs(functions::InvokeAfterMsgs),
        /// `initConnection`
        InitConnection(functions::InitConnection),
        /// `invokeWithLayer`
        InvokeWithLayer(functions::InvokeWithLayer),
        /// `invokeWithoutUpdates`
        InvokeWithoutUpdates(functions::InvokeWithoutUpdates),
        /// `help.getConfig`
        HelpGetConfig(functions::help::GetConfig),
        /// `help.getNearestDc`
        HelpGetNearestDc(functions::help::GetNearestDc),
        /// `help.echo`
        HelpEcho(functions::help::Echo),
        /// `auth.signUp`
        AuthSignUp(functions::auth::SignUp),
        /// `auth.signIn`
        AuthSignIn(functions::auth::SignIn),
        /// `auth.logOut`
        AuthLogOut(functions::auth::LogOut),
        /// `users.getUsers`
        UsersGetUsers(functions::users::GetUsers),
        /// `contacts.resolveUsername`
        ContactsResolveUsername(functions::contacts::ResolveUsername),
        /// `contacts.addContact`
        ContactsAddContact(functions::contacts::AddContact),
        /// `contacts.getContacts`
        ContactsGetContacts(functions::contacts::GetContacts),
        /// `messages.sendMessage`
        MessagesSendMessage(functions::messages::SendMessage),
        /// `messages.getHistory`
        MessagesGetHistory(functions::messages::GetHistory),
        /// `messages.getDialogs`
        MessagesGetDialogs(functions::messages::GetDialogs),
        /// `messages.readHistory`
        MessagesReadHistory(functions::messages::ReadHistory),
        /// `messages.setTyping`
        MessagesSetTyping(functions::messages::SetTyping),
        /// `updates.getState`
        UpdatesGetState(functions::updates::GetState),
        /// `updates.getDifference`
        UpdatesGetDifference(functions::updates::GetDifference),
    }
}
