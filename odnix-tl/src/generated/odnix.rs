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
        /// `dcOption#18b7a10d flags:# ipv6:flags.0?true media_only:flags.1?true tcpo_only:flags.2?true cdn:flags.3?true static:flags.4?true this_port_only:flags.5?true id:int ip_address:string port:int secret:flags.10?bytes = DcOption;`
        pub struct DcOption = "dcOption" 0x18b7a10d {
            [flags]
            /// `ipv6:flags.0?true`
            ipv6: bool = flags.0,
            /// `media_only:flags.1?true`
            media_only: bool = flags.1,
            /// `tcpo_only:flags.2?true`
            tcpo_only: bool = flags.2,
            /// `cdn:flags.3?true`
            cdn: bool = flags.3,
            /// `static:flags.4?true`
            static_ "static": bool = flags.4,
            /// `this_port_only:flags.5?true`
            this_port_only: bool = flags.5,
            /// `id:int`
            id: i32,
            /// `ip_address:string`
            ip_address: String,
            /// `port:int`
            port: i32,
            /// `secret:flags.10?bytes`
            secret: Option<Bytes> = flags.10,
        }
    }

    tl_struct! {
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
            /// `date:int`
            date: i32,
            /// `expires:int`
            expires: i32,
            /// `test_mode:Bool`
            test_mode: bool,
            /// `this_dc:int`
            this_dc: i32,
            /// `dc_options:Vector<DcOption>`
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
            /// `message_length_max:int`
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
        /// `nearestDc#8e1a1775 country:string this_dc:int nearest_dc:int = NearestDc;`
        pub struct NearestDc = "nearestDc" 0x8e1a1775 {
            /// `country:string`
            country: String,
            /// `this_dc:int`
            this_dc: i32,
            /// `nearest_dc:int`
            nearest_dc: i32,
        }
    }

    tl_struct! {
        /// `dataJSON#7d748d04 data:string = DataJSON;`
        pub struct DataJson = "dataJSON" 0x7d748d04 {
            /// `data:string`
            data: String,
        }
    }

    tl_struct! {
        /// `inputClientProxy#75588b3f address:string port:int = InputClientProxy;`
        pub struct InputClientProxy = "inputClientProxy" 0x75588b3f {
            /// `address:string`
            address: String,
            /// `port:int`
            port: i32,
        }
    }

    tl_struct! {
        /// `jsonObjectValue#c0de1bd9 key:string value:JSONValue = JSONObjectValue;`
        pub struct JsonObjectValue = "jsonObjectValue" 0xc0de1bd9 {
            /// `key:string`
            key: String,
            /// `value:JSONValue`
            value: enums::JsonValue,
        }
    }

    tl_struct! {
        /// `jsonNull#3f6d7b68 = JSONValue;`
        pub struct JsonNull = "jsonNull" 0x3f6d7b68;
    }

    tl_struct! {
        /// `jsonBool#c7345e6a value:Bool = JSONValue;`
        pub struct JsonBool = "jsonBool" 0xc7345e6a {
            /// `value:Bool`
            value: bool,
        }
    }

    tl_struct! {
        /// `jsonNumber#2be0dfa4 value:double = JSONValue;`
        pub struct JsonNumber = "jsonNumber" 0x2be0dfa4 {
            /// `value:double`
            value: f64,
        }
    }

    tl_struct! {
        /// `jsonString#b71e767a value:string = JSONValue;`
        pub struct JsonString = "jsonString" 0xb71e767a {
            /// `value:string`
            value: String,
        }
    }

    tl_struct! {
        /// `jsonArray#f7444763 value:Vector<JSONValue> = JSONValue;`
        pub struct JsonArray = "jsonArray" 0xf7444763 {
            /// `value:Vector<JSONValue>`
            value: Vec<enums::JsonValue>,
        }
    }

    tl_struct! {
        /// `jsonObject#99c1d49d value:Vector<JSONObjectValue> = JSONValue;`
        pub struct JsonObject = "jsonObject" 0x99c1d49d {
            /// `value:Vector<JSONObjectValue>`
            value: Vec<types::JsonObjectValue>,
        }
    }

    tl_struct! {
        /// `reactionEmpty#79f5d419 = Reaction;`
        pub struct ReactionEmpty = "reactionEmpty" 0x79f5d419;
    }

    tl_struct! {
        /// `reactionEmoji#1b2286b8 emoticon:string = Reaction;`
        pub struct ReactionEmoji = "reactionEmoji" 0x1b2286b8 {
            /// `emoticon:string`
            emoticon: String,
        }
    }

    tl_struct! {
        /// `reactionCustomEmoji#8935fc73 document_id:long = Reaction;`
        pub struct ReactionCustomEmoji = "reactionCustomEmoji" 0x8935fc73 {
            /// `document_id:long`
            document_id: i64,
        }
    }

    tl_struct! {
        /// `reactionPaid#523da4eb = Reaction;`
        pub struct ReactionPaid = "reactionPaid" 0x523da4eb;
    }

    tl_struct! {
        /// A user of this server
        ///
        /// `user#12102001 flags:# self:flags.0?true contact:flags.1?true id:long access_hash:long username:string first_name:string = User;`
        pub struct User = "user" 0x12102001 {
            [flags]
            /// the caller itself
            self_ "self": bool = flags.0,
            /// the caller has added this user to its contacts
            contact: bool = flags.1,
            /// `id:long`
            id: i64,
            /// what the caller must present to name this user; differs from caller to caller
            access_hash: i64,
            /// `username:string`
            username: String,
            /// `first_name:string`
            first_name: String,
        }
    }

    tl_struct! {
        /// `peerUser#59511722 user_id:long = Peer;`
        pub struct PeerUser = "peerUser" 0x59511722 {
            /// `user_id:long`
            user_id: i64,
        }
    }

    tl_struct! {
        /// `inputPeerSelf#7da07ec9 = InputPeer;`
        pub struct InputPeerSelf = "inputPeerSelf" 0x7da07ec9;
    }

    tl_struct! {
        /// `inputPeerUser#dde8a54c user_id:long access_hash:long = InputPeer;`
        pub struct InputPeerUser = "inputPeerUser" 0xdde8a54c {
            /// `user_id:long`
            user_id: i64,
            /// `access_hash:long`
            access_hash: i64,
        }
    }

    tl_struct! {
        /// `inputUserSelf#f7c1b13f = InputUser;`
        pub struct InputUserSelf = "inputUserSelf" 0xf7c1b13f;
    }

    tl_struct! {
        /// `inputUser#f21158c6 user_id:long access_hash:long = InputUser;`
        pub struct InputUser = "inputUser" 0xf21158c6 {
            /// `user_id:long`
            user_id: i64,
            /// `access_hash:long`
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
            /// `message:string`
            message: String,
            /// a JSON reference to stored media
            media: Option<types::DataJson> = flags.1,
        }
    }

    tl_struct! {
        /// `dialog#b3cc3970 peer:Peer top_message:long read_inbox_max_id:long read_outbox_max_id:long unread_count:int = Dialog;`
        pub struct Dialog = "dialog" 0xb3cc3970 {
            /// `peer:Peer`
            peer: types::PeerUser,
            /// `top_message:long`
            top_message: i64,
            /// `read_inbox_max_id:long`
            read_inbox_max_id: i64,
            /// `read_outbox_max_id:long`
            read_outbox_max_id: i64,
            /// `unread_count:int`
            unread_count: i32,
        }
    }

    tl_struct! {
        /// `sendMessageTypingAction#16bf744e = SendMessageAction;`
        pub struct SendMessageTypingAction = "sendMessageTypingAction" 0x16bf744e;
    }

    tl_struct! {
        /// `sendMessageCancelAction#fd5ec8f5 = SendMessageAction;`
        pub struct SendMessageCancelAction = "sendMessageCancelAction" 0xfd5ec8f5;
    }

    tl_struct! {
        /// Someone wrote to the caller
        ///
        /// `updateNewMessage#1f2b0afd message:Message pts:int pts_count:int = Update;`
        pub struct UpdateNewMessage = "updateNewMessage" 0x1f2b0afd {
            /// `message:Message`
            message: types::Message,
            /// `pts:int`
            pts: i32,
            /// `pts_count:int`
            pts_count: i32,
        }
    }

    tl_struct! {
        /// The caller wrote, on this or another device
        ///
        /// `updateMessageSent#7107201a message:Message random_id:long pts:int pts_count:int = Update;`
        pub struct UpdateMessageSent = "updateMessageSent" 0x7107201a {
            /// `message:Message`
            message: types::Message,
            /// as given to messages.sendMessage
            random_id: i64,
            /// `pts:int`
            pts: i32,
            /// `pts_count:int`
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
            /// `peer:Peer`
            peer: types::PeerUser,
            /// `max_id:long`
            max_id: i64,
            /// `still_unread_count:int`
            still_unread_count: i32,
            /// `pts:int`
            pts: i32,
            /// `pts_count:int`
            pts_count: i32,
        }
    }

    tl_struct! {
        /// `updateUserTyping#c01e857f user_id:long action:SendMessageAction = Update;`
        pub struct UpdateUserTyping = "updateUserTyping" 0xc01e857f {
            /// `user_id:long`
            user_id: i64,
            /// `action:SendMessageAction`
            action: enums::SendMessageAction,
        }
    }

    tl_struct! {
        /// `updatesTooLong#e317af7e = Updates;`
        pub struct UpdatesTooLong = "updatesTooLong" 0xe317af7e;
    }

    tl_struct! {
        /// `updateShort#78d4dec1 update:Update date:int = Updates;`
        pub struct UpdateShort = "updateShort" 0x78d4dec1 {
            /// `update:Update`
            update: enums::Update,
            /// `date:int`
            date: i32,
        }
    }

    tl_struct! {
        /// `updates#401e2009 updates:Vector<Update> users:Vector<User> date:int seq:int = Updates;`
        pub struct Updates = "updates" 0x401e2009 {
            /// `updates:Vector<Update>`
            updates: Vec<enums::Update>,
            /// `users:Vector<User>`
            users: Vec<types::User>,
            /// `date:int`
            date: i32,
            /// `seq:int`
            seq: i32,
        }
    }

    /// Those of the namespace `auth`.
    pub mod auth {
        use super::super::types;
        use crate::tl_struct;

        tl_struct! {
            /// `auth.authorization#ff036af1 user:User = auth.Authorization;`
            pub struct Authorization = "auth.authorization" 0xff036af1 {
                /// `user:User`
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
            /// `contacts.resolvedPeer#59a29ccf peer:Peer users:Vector<User> = contacts.ResolvedPeer;`
            pub struct ResolvedPeer = "contacts.resolvedPeer" 0x59a29ccf {
                /// `peer:Peer`
                peer: types::PeerUser,
                /// `users:Vector<User>`
                users: Vec<types::User>,
            }
        }

        tl_struct! {
            /// `contacts.contacts#fbb5db26 users:Vector<User> = contacts.Contacts;`
            pub struct Contacts = "contacts.contacts" 0xfbb5db26 {
                /// `users:Vector<User>`
                users: Vec<types::User>,
            }
        }
    }

    /// Those of the namespace `help`.
    pub mod help {
        use crate::prelude::Bytes;
        use crate::tl_struct;

        tl_struct! {
            /// `help.echoed#795e8f8c data:bytes = help.Echoed;`
            pub struct Echoed = "help.echoed" 0x795e8f8c {
                /// `data:bytes`
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
            /// `messages.sentMessage#53a3bb31 id:long date:int pts:int pts_count:int = messages.SentMessage;`
            pub struct SentMessage = "messages.sentMessage" 0x53a3bb31 {
                /// `id:long`
                id: i64,
                /// `date:int`
                date: i32,
                /// `pts:int`
                pts: i32,
                /// `pts_count:int`
                pts_count: i32,
            }
        }

        tl_struct! {
            /// `messages.messages#af5958d0 count:int messages:Vector<Message> users:Vector<User> = messages.Messages;`
            pub struct Messages = "messages.messages" 0xaf5958d0 {
                /// `count:int`
                count: i32,
                /// `messages:Vector<Message>`
                messages: Vec<types::Message>,
                /// `users:Vector<User>`
                users: Vec<types::User>,
            }
        }

        tl_struct! {
            /// `messages.dialogs#d662e080 count:int dialogs:Vector<Dialog> messages:Vector<Message> users:Vector<User> = messages.Dialogs;`
            pub struct Dialogs = "messages.dialogs" 0xd662e080 {
                /// `count:int`
                count: i32,
                /// `dialogs:Vector<Dialog>`
                dialogs: Vec<types::Dialog>,
                /// `messages:Vector<Message>`
                messages: Vec<types::Message>,
                /// `users:Vector<User>`
                users: Vec<types::User>,
            }
        }

        tl_struct! {
            /// `messages.affectedMessages#84d19185 pts:int pts_count:int = messages.AffectedMessages;`
            pub struct AffectedMessages = "messages.affectedMessages" 0x84d19185 {
                /// `pts:int`
                pts: i32,
                /// `pts_count:int`
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
            /// `updates.state#a56c2a3e pts:int qts:int date:int seq:int unread_count:int = updates.State;`
            pub struct State = "updates.state" 0xa56c2a3e {
                /// `pts:int`
                pts: i32,
                /// `qts:int`
                qts: i32,
                /// `date:int`
                date: i32,
                /// `seq:int`
                seq: i32,
                /// `unread_count:int`
                unread_count: i32,
            }
        }

        tl_struct! {
            /// `updates.differenceEmpty#5d75a138 date:int seq:int = updates.Difference;`
            pub struct DifferenceEmpty = "updates.differenceEmpty" 0x5d75a138 {
                /// `date:int`
                date: i32,
                /// `seq:int`
                seq: i32,
            }
        }

        tl_struct! {
            /// `updates.difference#efe7b03b updates:Vector<Update> users:Vector<User> state:updates.State = updates.Difference;`
            pub struct Difference = "updates.difference" 0xefe7b03b {
                /// `updates:Vector<Update>`
                updates: Vec<enums::Update>,
                /// `users:Vector<User>`
                users: Vec<types::User>,
                /// `state:updates.State`
                state: types::updates::State,
            }
        }

        tl_struct! {
            /// `updates.differenceSlice#8521eeab updates:Vector<Update> users:Vector<User> intermediate_state:updates.State = updates.Difference;`
            pub struct DifferenceSlice = "updates.differenceSlice" 0x8521eeab {
                /// `updates:Vector<Update>`
                updates: Vec<enums::Update>,
                /// `users:Vector<User>`
                users: Vec<types::User>,
                /// `intermediate_state:updates.State`
                intermediate_state: types::updates::State,
            }
        }

        tl_struct! {
            /// `updates.differenceTooLong#4afe8f6d pts:int = updates.Difference;`
            pub struct DifferenceTooLong = "updates.differenceTooLong" 0x4afe8f6d {
                /// `pts:int`
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
        /// `invokeAfterMsg#cb9f372d {X:Type} msg_id:long query:!X = X;`
        pub struct InvokeAfterMsg = "invokeAfterMsg" 0xcb9f372d -> Raw {
            /// `msg_id:long`
            msg_id: i64,
            /// `query:!X`
            query: Raw,
        }
    }

    tl_struct! {
        /// `invokeAfterMsgs#3dc4b4f0 {X:Type} msg_ids:Vector<long> query:!X = X;`
        pub struct InvokeAfterMsgs = "invokeAfterMsgs" 0x3dc4b4f0 -> Raw {
            /// `msg_ids:Vector<long>`
            msg_ids: Vec<i64>,
            /// `query:!X`
            query: Raw,
        }
    }

    tl_struct! {
        /// `initConnection#c1cd5ea9 {X:Type} flags:# api_id:int device_model:string system_version:string app_version:string system_lang_code:string lang_pack:string lang_code:string proxy:flags.0?InputClientProxy params:flags.1?JSONValue query:!X = X;`
        pub struct InitConnection = "initConnection" 0xc1cd5ea9 -> Raw {
            [flags]
            /// `api_id:int`
            api_id: i32,
            /// `device_model:string`
            device_model: String,
            /// `system_version:string`
            system_version: String,
            /// `app_version:string`
            app_version: String,
            /// `system_lang_code:string`
            system_lang_code: String,
            /// `lang_pack:string`
            lang_pack: String,
            /// `lang_code:string`
            lang_code: String,
            /// `proxy:flags.0?InputClientProxy`
            proxy: Option<types::InputClientProxy> = flags.0,
            /// `params:flags.1?JSONValue`
            params: Option<enums::JsonValue> = flags.1,
            /// `query:!X`
            query: Raw,
        }
    }

    tl_struct! {
        /// `invokeWithLayer#da9b0d0d {X:Type} layer:int query:!X = X;`
        pub struct InvokeWithLayer = "invokeWithLayer" 0xda9b0d0d -> Raw {
            /// `layer:int`
            layer: i32,
            /// `query:!X`
            query: Raw,
        }
    }

    tl_struct! {
        /// `invokeWithoutUpdates#bf9459b7 {X:Type} query:!X = X;`
        pub struct InvokeWithoutUpdates = "invokeWithoutUpdates" 0xbf9459b7 -> Raw {
            /// `query:!X`
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
            /// `auth.signUp#73d3b2e9 username:string password:string first_name:string = auth.Authorization;`
            @redact pub struct SignUp = "auth.signUp" 0x73d3b2e9 -> types::auth::Authorization {
                /// `username:string`
                username: String,
                /// `password:string`
                password: String,
                /// `first_name:string`
                first_name: String,
            }
        }

        tl_struct! {
            /// `auth.signIn#c06f8665 username:string password:string = auth.Authorization;`
            @redact pub struct SignIn = "auth.signIn" 0xc06f8665 -> types::auth::Authorization {
                /// `username:string`
                username: String,
                /// `password:string`
                password: String,
            }
        }

        tl_struct! {
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
            /// `contacts.resolveUsername#f93ccba3 username:string = contacts.ResolvedPeer;`
            pub struct ResolveUsername = "contacts.resolveUsername" 0xf93ccba3 -> types::contacts::ResolvedPeer {
                /// `username:string`
                username: String,
            }
        }

        tl_struct! {
            /// `contacts.addContact#e10b82ba id:InputUser = User;`
            pub struct AddContact = "contacts.addContact" 0xe10b82ba -> types::User {
                /// `id:InputUser`
                id: enums::InputUser,
            }
        }

        tl_struct! {
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
            /// `help.getConfig#c4f9186b = Config;`
            pub struct GetConfig = "help.getConfig" 0xc4f9186b -> types::Config;
        }

        tl_struct! {
            /// `help.getNearestDc#1fb33026 = NearestDc;`
            pub struct GetNearestDc = "help.getNearestDc" 0x1fb33026 -> types::NearestDc;
        }

        tl_struct! {
            /// Gives the bytes back; needs no login
            ///
            /// `help.echo#983bf800 data:bytes = help.Echoed;`
            pub struct Echo = "help.echo" 0x983bf800 -> types::help::Echoed {
                /// `data:bytes`
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
            /// `messages.sendMessage#6c3096a5 flags:# peer:InputPeer message:string random_id:long media:flags.0?DataJSON = messages.SentMessage;`
            pub struct SendMessage = "messages.sendMessage" 0x6c3096a5 -> types::messages::SentMessage {
                [flags]
                /// `peer:InputPeer`
                peer: enums::InputPeer,
                /// `message:string`
                message: String,
                /// `random_id:long`
                random_id: i64,
                /// `media:flags.0?DataJSON`
                media: Option<types::DataJson> = flags.0,
            }
        }

        tl_struct! {
            /// Messages of one dialog, newest first
            ///
            /// `messages.getHistory#8834bf4e peer:InputPeer offset_id:long limit:int = messages.Messages;`
            pub struct GetHistory = "messages.getHistory" 0x8834bf4e -> types::messages::Messages {
                /// `peer:InputPeer`
                peer: enums::InputPeer,
                /// only messages with a lower id; 0 for the newest
                offset_id: i64,
                /// `limit:int`
                limit: i32,
            }
        }

        tl_struct! {
            /// `messages.getDialogs#1a6112fa offset_id:long limit:int = messages.Dialogs;`
            pub struct GetDialogs = "messages.getDialogs" 0x1a6112fa -> types::messages::Dialogs {
                /// only dialogs whose top_message is lower; 0 for the newest
                offset_id: i64,
                /// `limit:int`
                limit: i32,
            }
        }

        tl_struct! {
            /// `messages.readHistory#d371af80 peer:InputPeer max_id:long = messages.AffectedMessages;`
            pub struct ReadHistory = "messages.readHistory" 0xd371af80 -> types::messages::AffectedMessages {
                /// `peer:InputPeer`
                peer: enums::InputPeer,
                /// `max_id:long`
                max_id: i64,
            }
        }

        tl_struct! {
            /// `messages.setTyping#a3825e50 peer:InputPeer action:SendMessageAction = Bool;`
            pub struct SetTyping = "messages.setTyping" 0xa3825e50 -> bool {
                /// `peer:InputPeer`
                peer: enums::InputPeer,
                /// `action:SendMessageAction`
                action: enums::SendMessageAction,
            }
        }
    }

    /// Those of the namespace `updates`.
    pub mod updates {
        use super::super::{enums, types};
        use crate::tl_struct;

        tl_struct! {
            /// `updates.getState#edd4882a = updates.State;`
            pub struct GetState = "updates.getState" 0xedd4882a -> types::updates::State;
        }

        tl_struct! {
            /// The updates of the caller's own mailbox after pts
            ///
            /// `updates.getDifference#19c2f763 flags:# pts:int pts_limit:flags.1?int pts_total_limit:flags.0?int date:int qts:int qts_limit:flags.2?int = updates.Difference;`
            pub struct GetDifference = "updates.getDifference" 0x19c2f763 -> enums::updates::Difference {
                [flags]
                /// `pts:int`
                pts: i32,
                /// `pts_limit:flags.1?int`
                pts_limit: Option<i32> = flags.1,
                /// `pts_total_limit:flags.0?int`
                pts_total_limit: Option<i32> = flags.0,
                /// `date:int`
                date: i32,
                /// `qts:int`
                qts: i32,
                /// `qts_limit:flags.2?int`
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
            /// `users.getUsers#0d91a548 id:Vector<InputUser> = Vector<User>;`
            pub struct GetUsers = "users.getUsers" 0x0d91a548 -> Vec<types::User> {
                /// `id:Vector<InputUser>`
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
