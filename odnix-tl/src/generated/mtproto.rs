//! The service layer of MTProto 2.0, from `schema/mtproto.tl`.

// Generated; see `odnix_tl::schema`.

/// All constructors.
pub mod types {
    use super::types;
    use crate::prelude::{Bytes, Raw, String, Vec};
    use crate::tl_struct;
    use crate::wire::{Bare, BareVectorOf};

    tl_struct! {
        /// `resPQ#05162463 nonce:int128 server_nonce:int128 pq:bytes server_public_key_fingerprints:Vector<long> = ResPQ;`
        pub struct ResPq = "resPQ" 0x05162463 {
            /// `nonce:int128`
            nonce: [u8; 16],
            /// `server_nonce:int128`
            server_nonce: [u8; 16],
            /// `pq:bytes`
            pq: Bytes,
            /// `server_public_key_fingerprints:Vector<long>`
            server_public_key_fingerprints: Vec<i64>,
        }
    }

    tl_struct! {
        /// `p_q_inner_data#83c95aec pq:bytes p:bytes q:bytes nonce:int128 server_nonce:int128 new_nonce:int256 = P_Q_inner_data;`
        @redact pub struct PQInnerData = "p_q_inner_data" 0x83c95aec {
            /// `pq:bytes`
            pq: Bytes,
            /// `p:bytes`
            p: Bytes,
            /// `q:bytes`
            q: Bytes,
            /// `nonce:int128`
            nonce: [u8; 16],
            /// `server_nonce:int128`
            server_nonce: [u8; 16],
            /// `new_nonce:int256`
            new_nonce: [u8; 32],
        }
    }

    tl_struct! {
        /// `p_q_inner_data_dc#a9f55f95 pq:bytes p:bytes q:bytes nonce:int128 server_nonce:int128 new_nonce:int256 dc:int = P_Q_inner_data;`
        @redact pub struct PQInnerDataDc = "p_q_inner_data_dc" 0xa9f55f95 {
            /// `pq:bytes`
            pq: Bytes,
            /// `p:bytes`
            p: Bytes,
            /// `q:bytes`
            q: Bytes,
            /// `nonce:int128`
            nonce: [u8; 16],
            /// `server_nonce:int128`
            server_nonce: [u8; 16],
            /// `new_nonce:int256`
            new_nonce: [u8; 32],
            /// `dc:int`
            dc: i32,
        }
    }

    tl_struct! {
        /// `p_q_inner_data_temp#3c6a84d4 pq:bytes p:bytes q:bytes nonce:int128 server_nonce:int128 new_nonce:int256 expires_in:int = P_Q_inner_data;`
        @redact pub struct PQInnerDataTemp = "p_q_inner_data_temp" 0x3c6a84d4 {
            /// `pq:bytes`
            pq: Bytes,
            /// `p:bytes`
            p: Bytes,
            /// `q:bytes`
            q: Bytes,
            /// `nonce:int128`
            nonce: [u8; 16],
            /// `server_nonce:int128`
            server_nonce: [u8; 16],
            /// `new_nonce:int256`
            new_nonce: [u8; 32],
            /// `expires_in:int`
            expires_in: i32,
        }
    }

    tl_struct! {
        /// `p_q_inner_data_temp_dc#56fddf88 pq:bytes p:bytes q:bytes nonce:int128 server_nonce:int128 new_nonce:int256 dc:int expires_in:int = P_Q_inner_data;`
        @redact pub struct PQInnerDataTempDc = "p_q_inner_data_temp_dc" 0x56fddf88 {
            /// `pq:bytes`
            pq: Bytes,
            /// `p:bytes`
            p: Bytes,
            /// `q:bytes`
            q: Bytes,
            /// `nonce:int128`
            nonce: [u8; 16],
            /// `server_nonce:int128`
            server_nonce: [u8; 16],
            /// `new_nonce:int256`
            new_nonce: [u8; 32],
            /// `dc:int`
            dc: i32,
            /// `expires_in:int`
            expires_in: i32,
        }
    }

    tl_struct! {
        /// `bind_auth_key_inner#75a3f765 nonce:long temp_auth_key_id:long perm_auth_key_id:long temp_session_id:long expires_at:int = BindAuthKeyInner;`
        pub struct BindAuthKeyInner = "bind_auth_key_inner" 0x75a3f765 {
            /// `nonce:long`
            nonce: i64,
            /// `temp_auth_key_id:long`
            temp_auth_key_id: i64,
            /// `perm_auth_key_id:long`
            perm_auth_key_id: i64,
            /// `temp_session_id:long`
            temp_session_id: i64,
            /// `expires_at:int`
            expires_at: i32,
        }
    }

    tl_struct! {
        /// `server_DH_params_fail#79cb045d nonce:int128 server_nonce:int128 new_nonce_hash:int128 = Server_DH_Params;`
        pub struct ServerDhParamsFail = "server_DH_params_fail" 0x79cb045d {
            /// `nonce:int128`
            nonce: [u8; 16],
            /// `server_nonce:int128`
            server_nonce: [u8; 16],
            /// `new_nonce_hash:int128`
            new_nonce_hash: [u8; 16],
        }
    }

    tl_struct! {
        /// `server_DH_params_ok#d0e8075c nonce:int128 server_nonce:int128 encrypted_answer:bytes = Server_DH_Params;`
        pub struct ServerDhParamsOk = "server_DH_params_ok" 0xd0e8075c {
            /// `nonce:int128`
            nonce: [u8; 16],
            /// `server_nonce:int128`
            server_nonce: [u8; 16],
            /// `encrypted_answer:bytes`
            encrypted_answer: Bytes,
        }
    }

    tl_struct! {
        /// `server_DH_inner_data#b5890dba nonce:int128 server_nonce:int128 g:int dh_prime:bytes g_a:bytes server_time:int = Server_DH_inner_data;`
        pub struct ServerDhInnerData = "server_DH_inner_data" 0xb5890dba {
            /// `nonce:int128`
            nonce: [u8; 16],
            /// `server_nonce:int128`
            server_nonce: [u8; 16],
            /// `g:int`
            g: i32,
            /// `dh_prime:bytes`
            dh_prime: Bytes,
            /// `g_a:bytes`
            g_a: Bytes,
            /// `server_time:int`
            server_time: i32,
        }
    }

    tl_struct! {
        /// `client_DH_inner_data#6643b654 nonce:int128 server_nonce:int128 retry_id:long g_b:bytes = Client_DH_Inner_Data;`
        pub struct ClientDhInnerData = "client_DH_inner_data" 0x6643b654 {
            /// `nonce:int128`
            nonce: [u8; 16],
            /// `server_nonce:int128`
            server_nonce: [u8; 16],
            /// `retry_id:long`
            retry_id: i64,
            /// `g_b:bytes`
            g_b: Bytes,
        }
    }

    tl_struct! {
        /// `dh_gen_ok#3bcbf734 nonce:int128 server_nonce:int128 new_nonce_hash1:int128 = Set_client_DH_params_answer;`
        pub struct DhGenOk = "dh_gen_ok" 0x3bcbf734 {
            /// `nonce:int128`
            nonce: [u8; 16],
            /// `server_nonce:int128`
            server_nonce: [u8; 16],
            /// `new_nonce_hash1:int128`
            new_nonce_hash1: [u8; 16],
        }
    }

    tl_struct! {
        /// `dh_gen_retry#46dc1fb9 nonce:int128 server_nonce:int128 new_nonce_hash2:int128 = Set_client_DH_params_answer;`
        pub struct DhGenRetry = "dh_gen_retry" 0x46dc1fb9 {
            /// `nonce:int128`
            nonce: [u8; 16],
            /// `server_nonce:int128`
            server_nonce: [u8; 16],
            /// `new_nonce_hash2:int128`
            new_nonce_hash2: [u8; 16],
        }
    }

    tl_struct! {
        /// `dh_gen_fail#a69dae02 nonce:int128 server_nonce:int128 new_nonce_hash3:int128 = Set_client_DH_params_answer;`
        pub struct DhGenFail = "dh_gen_fail" 0xa69dae02 {
            /// `nonce:int128`
            nonce: [u8; 16],
            /// `server_nonce:int128`
            server_nonce: [u8; 16],
            /// `new_nonce_hash3:int128`
            new_nonce_hash3: [u8; 16],
        }
    }

    tl_struct! {
        /// `destroy_auth_key_ok#f660e1d4 = DestroyAuthKeyRes;`
        pub struct DestroyAuthKeyOk = "destroy_auth_key_ok" 0xf660e1d4;
    }

    tl_struct! {
        /// `destroy_auth_key_none#0a9f2259 = DestroyAuthKeyRes;`
        pub struct DestroyAuthKeyNone = "destroy_auth_key_none" 0x0a9f2259;
    }

    tl_struct! {
        /// `destroy_auth_key_fail#ea109b13 = DestroyAuthKeyRes;`
        pub struct DestroyAuthKeyFail = "destroy_auth_key_fail" 0xea109b13;
    }

    tl_struct! {
        /// `msgs_ack#62d6b459 msg_ids:Vector<long> = MsgsAck;`
        pub struct MsgsAck = "msgs_ack" 0x62d6b459 {
            /// `msg_ids:Vector<long>`
            msg_ids: Vec<i64>,
        }
    }

    tl_struct! {
        /// `bad_msg_notification#a7eff811 bad_msg_id:long bad_msg_seqno:int error_code:int = BadMsgNotification;`
        pub struct BadMsgNotification = "bad_msg_notification" 0xa7eff811 {
            /// `bad_msg_id:long`
            bad_msg_id: i64,
            /// `bad_msg_seqno:int`
            bad_msg_seqno: i32,
            /// `error_code:int`
            error_code: i32,
        }
    }

    tl_struct! {
        /// `bad_server_salt#edab447b bad_msg_id:long bad_msg_seqno:int error_code:int new_server_salt:long = BadMsgNotification;`
        pub struct BadServerSalt = "bad_server_salt" 0xedab447b {
            /// `bad_msg_id:long`
            bad_msg_id: i64,
            /// `bad_msg_seqno:int`
            bad_msg_seqno: i32,
            /// `error_code:int`
            error_code: i32,
            /// `new_server_salt:long`
            new_server_salt: i64,
        }
    }

    tl_struct! {
        /// `msgs_state_req#da69fb52 msg_ids:Vector<long> = MsgsStateReq;`
        pub struct MsgsStateReq = "msgs_state_req" 0xda69fb52 {
            /// `msg_ids:Vector<long>`
            msg_ids: Vec<i64>,
        }
    }

    tl_struct! {
        /// `msgs_state_info#04deb57d req_msg_id:long info:bytes = MsgsStateInfo;`
        pub struct MsgsStateInfo = "msgs_state_info" 0x04deb57d {
            /// `req_msg_id:long`
            req_msg_id: i64,
            /// `info:bytes`
            info: Bytes,
        }
    }

    tl_struct! {
        /// `msgs_all_info#8cc0d131 msg_ids:Vector<long> info:bytes = MsgsAllInfo;`
        pub struct MsgsAllInfo = "msgs_all_info" 0x8cc0d131 {
            /// `msg_ids:Vector<long>`
            msg_ids: Vec<i64>,
            /// `info:bytes`
            info: Bytes,
        }
    }

    tl_struct! {
        /// `msg_detailed_info#276d3ec6 msg_id:long answer_msg_id:long bytes:int status:int = MsgDetailedInfo;`
        pub struct MsgDetailedInfo = "msg_detailed_info" 0x276d3ec6 {
            /// `msg_id:long`
            msg_id: i64,
            /// `answer_msg_id:long`
            answer_msg_id: i64,
            /// `bytes:int`
            bytes: i32,
            /// `status:int`
            status: i32,
        }
    }

    tl_struct! {
        /// `msg_new_detailed_info#809db6df answer_msg_id:long bytes:int status:int = MsgDetailedInfo;`
        pub struct MsgNewDetailedInfo = "msg_new_detailed_info" 0x809db6df {
            /// `answer_msg_id:long`
            answer_msg_id: i64,
            /// `bytes:int`
            bytes: i32,
            /// `status:int`
            status: i32,
        }
    }

    tl_struct! {
        /// `msg_resend_req#7d861a08 msg_ids:Vector<long> = MsgResendReq;`
        pub struct MsgResendReq = "msg_resend_req" 0x7d861a08 {
            /// `msg_ids:Vector<long>`
            msg_ids: Vec<i64>,
        }
    }

    tl_struct! {
        /// `msg_resend_ans_req#8610baeb msg_ids:Vector<long> = MsgResendReq;`
        pub struct MsgResendAnsReq = "msg_resend_ans_req" 0x8610baeb {
            /// `msg_ids:Vector<long>`
            msg_ids: Vec<i64>,
        }
    }

    tl_struct! {
        /// `rpc_result#f35c6d01 req_msg_id:long result:Object = RpcResult;`
        pub struct RpcResult = "rpc_result" 0xf35c6d01 {
            /// `req_msg_id:long`
            req_msg_id: i64,
            /// `result:Object`
            result: Raw,
        }
    }

    tl_struct! {
        /// `rpc_error#2144ca19 error_code:int error_message:string = RpcError;`
        pub struct RpcError = "rpc_error" 0x2144ca19 {
            /// `error_code:int`
            error_code: i32,
            /// `error_message:string`
            error_message: String,
        }
    }

    tl_struct! {
        /// `rpc_answer_unknown#5e2ad36e = RpcDropAnswer;`
        pub struct RpcAnswerUnknown = "rpc_answer_unknown" 0x5e2ad36e;
    }

    tl_struct! {
        /// `rpc_answer_dropped_running#cd78e586 = RpcDropAnswer;`
        pub struct RpcAnswerDroppedRunning = "rpc_answer_dropped_running" 0xcd78e586;
    }

    tl_struct! {
        /// `rpc_answer_dropped#a43ad8b7 msg_id:long seq_no:int bytes:int = RpcDropAnswer;`
        pub struct RpcAnswerDropped = "rpc_answer_dropped" 0xa43ad8b7 {
            /// `msg_id:long`
            msg_id: i64,
            /// `seq_no:int`
            seq_no: i32,
            /// `bytes:int`
            bytes: i32,
        }
    }

    tl_struct! {
        /// `future_salt#0949d9dc valid_since:int valid_until:int salt:long = FutureSalt;`
        pub struct FutureSalt = "future_salt" 0x0949d9dc {
            /// `valid_since:int`
            valid_since: i32,
            /// `valid_until:int`
            valid_until: i32,
            /// `salt:long`
            salt: i64,
        }
    }

    tl_struct! {
        /// `future_salts#ae500895 req_msg_id:long now:int salts:vector<future_salt> = FutureSalts;`
        pub struct FutureSalts = "future_salts" 0xae500895 {
            /// `req_msg_id:long`
            req_msg_id: i64,
            /// `now:int`
            now: i32,
            /// `salts:vector<future_salt>`
            salts: Vec<types::FutureSalt> as BareVectorOf<Bare>,
        }
    }

    tl_struct! {
        /// `pong#347773c5 msg_id:long ping_id:long = Pong;`
        pub struct Pong = "pong" 0x347773c5 {
            /// `msg_id:long`
            msg_id: i64,
            /// `ping_id:long`
            ping_id: i64,
        }
    }

    tl_struct! {
        /// `destroy_session_ok#e22045fc session_id:long = DestroySessionRes;`
        pub struct DestroySessionOk = "destroy_session_ok" 0xe22045fc {
            /// `session_id:long`
            session_id: i64,
        }
    }

    tl_struct! {
        /// `destroy_session_none#62d350c9 session_id:long = DestroySessionRes;`
        pub struct DestroySessionNone = "destroy_session_none" 0x62d350c9 {
            /// `session_id:long`
            session_id: i64,
        }
    }

    tl_struct! {
        /// `new_session_created#9ec20908 first_msg_id:long unique_id:long server_salt:long = NewSession;`
        pub struct NewSessionCreated = "new_session_created" 0x9ec20908 {
            /// `first_msg_id:long`
            first_msg_id: i64,
            /// `unique_id:long`
            unique_id: i64,
            /// `server_salt:long`
            server_salt: i64,
        }
    }

    tl_struct! {
        /// `gzip_packed#3072cfa1 packed_data:bytes = Object;`
        pub struct GzipPacked = "gzip_packed" 0x3072cfa1 {
            /// `packed_data:bytes`
            packed_data: Bytes,
        }
    }

    tl_struct! {
        /// `http_wait#9299359f max_delay:int wait_after:int max_wait:int = HttpWait;`
        pub struct HttpWait = "http_wait" 0x9299359f {
            /// `max_delay:int`
            max_delay: i32,
            /// `wait_after:int`
            wait_after: i32,
            /// `max_wait:int`
            max_wait: i32,
        }
    }
}

/// All types with more than one constructor.
pub mod enums {
    use super::types;
    use crate::tl_enum;

    tl_enum! {
        /// `BadMsgNotification`
        pub enum BadMsgNotification = "BadMsgNotification" {
            /// `bad_msg_notification`
            BadMsgNotification(types::BadMsgNotification),
            /// `bad_server_salt`
            BadServerSalt(types::BadServerSalt),
        }
    }
    tl_enum! {
        /// `DestroyAuthKeyRes`
        pub enum DestroyAuthKeyRes = "DestroyAuthKeyRes" {
            /// `destroy_auth_key_ok`
            DestroyAuthKeyOk = types::DestroyAuthKeyOk,
            /// `destroy_auth_key_none`
            DestroyAuthKeyNone = types::DestroyAuthKeyNone,
            /// `destroy_auth_key_fail`
            DestroyAuthKeyFail = types::DestroyAuthKeyFail,
        }
    }
    tl_enum! {
        /// `DestroySessionRes`
        pub enum DestroySessionRes = "DestroySessionRes" {
            /// `destroy_session_ok`
            DestroySessionOk(types::DestroySessionOk),
            /// `destroy_session_none`
            DestroySessionNone(types::DestroySessionNone),
        }
    }
    tl_enum! {
        /// `MsgDetailedInfo`
        pub enum MsgDetailedInfo = "MsgDetailedInfo" {
            /// `msg_detailed_info`
            MsgDetailedInfo(types::MsgDetailedInfo),
            /// `msg_new_detailed_info`
            MsgNewDetailedInfo(types::MsgNewDetailedInfo),
        }
    }
    tl_enum! {
        /// `MsgResendReq`
        pub enum MsgResendReq = "MsgResendReq" {
            /// `msg_resend_req`
            MsgResendReq(types::MsgResendReq),
            /// `msg_resend_ans_req`
            MsgResendAnsReq(types::MsgResendAnsReq),
        }
    }
    tl_enum! {
        /// `P_Q_inner_data`
        pub enum PQInnerData = "P_Q_inner_data" {
            /// `p_q_inner_data`
            PQInnerData(types::PQInnerData),
            /// `p_q_inner_data_dc`
            PQInnerDataDc(types::PQInnerDataDc),
            /// `p_q_inner_data_temp`
            PQInnerDataTemp(types::PQInnerDataTemp),
            /// `p_q_inner_data_temp_dc`
            PQInnerDataTempDc(types::PQInnerDataTempDc),
        }
    }
    tl_enum! {
        /// `RpcDropAnswer`
        pub enum RpcDropAnswer = "RpcDropAnswer" {
            /// `rpc_answer_unknown`
            RpcAnswerUnknown = types::RpcAnswerUnknown,
            /// `rpc_answer_dropped_running`
            RpcAnswerDroppedRunning = types::RpcAnswerDroppedRunning,
            /// `rpc_answer_dropped`
            RpcAnswerDropped(types::RpcAnswerDropped),
        }
    }
    tl_enum! {
        /// `Server_DH_Params`
        pub enum ServerDhParams = "Server_DH_Params" {
            /// `server_DH_params_fail`
            ServerDhParamsFail(types::ServerDhParamsFail),
            /// `server_DH_params_ok`
            ServerDhParamsOk(types::ServerDhParamsOk),
        }
    }
    tl_enum! {
        /// `Set_client_DH_params_answer`
        pub enum SetClientDhParamsAnswer = "Set_client_DH_params_answer" {
            /// `dh_gen_ok`
            DhGenOk(types::DhGenOk),
            /// `dh_gen_retry`
            DhGenRetry(types::DhGenRetry),
            /// `dh_gen_fail`
            DhGenFail(types::DhGenFail),
        }
    }
}

/// All functions.
pub mod functions {
    use super::{enums, types};
    use crate::prelude::Bytes;
    use crate::tl_struct;

    tl_struct! {
        /// `req_pq#60469778 nonce:int128 = ResPQ;`
        pub struct ReqPq = "req_pq" 0x60469778 -> types::ResPq {
            /// `nonce:int128`
            nonce: [u8; 16],
        }
    }

    tl_struct! {
        /// `req_pq_multi#be7e8ef1 nonce:int128 = ResPQ;`
        pub struct ReqPqMulti = "req_pq_multi" 0xbe7e8ef1 -> types::ResPq {
            /// `nonce:int128`
            nonce: [u8; 16],
        }
    }

    tl_struct! {
        /// `req_DH_params#d712e4be nonce:int128 server_nonce:int128 p:bytes q:bytes public_key_fingerprint:long encrypted_data:bytes = Server_DH_Params;`
        pub struct ReqDhParams = "req_DH_params" 0xd712e4be -> enums::ServerDhParams {
            /// `nonce:int128`
            nonce: [u8; 16],
            /// `server_nonce:int128`
            server_nonce: [u8; 16],
            /// `p:bytes`
            p: Bytes,
            /// `q:bytes`
            q: Bytes,
            /// `public_key_fingerprint:long`
            public_key_fingerprint: i64,
            /// `encrypted_data:bytes`
            encrypted_data: Bytes,
        }
    }

    tl_struct! {
        /// `set_client_DH_params#f5045f1f nonce:int128 server_nonce:int128 encrypted_data:bytes = Set_client_DH_params_answer;`
        pub struct SetClientDhParams = "set_client_DH_params" 0xf5045f1f -> enums::SetClientDhParamsAnswer {
            /// `nonce:int128`
            nonce: [u8; 16],
            /// `server_nonce:int128`
            server_nonce: [u8; 16],
            /// `encrypted_data:bytes`
            encrypted_data: Bytes,
        }
    }

    tl_struct! {
        /// `destroy_auth_key#d1435160 = DestroyAuthKeyRes;`
        pub struct DestroyAuthKey = "destroy_auth_key" 0xd1435160 -> enums::DestroyAuthKeyRes;
    }

    tl_struct! {
        /// `rpc_drop_answer#58e4a740 req_msg_id:long = RpcDropAnswer;`
        pub struct RpcDropAnswer = "rpc_drop_answer" 0x58e4a740 -> enums::RpcDropAnswer {
            /// `req_msg_id:long`
            req_msg_id: i64,
        }
    }

    tl_struct! {
        /// `get_future_salts#b921bd04 num:int = FutureSalts;`
        pub struct GetFutureSalts = "get_future_salts" 0xb921bd04 -> types::FutureSalts {
            /// `num:int`
            num: i32,
        }
    }

    tl_struct! {
        /// `ping#7abe77ec ping_id:long = Pong;`
        pub struct Ping = "ping" 0x7abe77ec -> types::Pong {
            /// `ping_id:long`
            ping_id: i64,
        }
    }

    tl_struct! {
        /// `ping_delay_disconnect#f3427b8c ping_id:long disconnect_delay:int = Pong;`
        pub struct PingDelayDisconnect = "ping_delay_disconnect" 0xf3427b8c -> types::Pong {
            /// `ping_id:long`
            ping_id: i64,
            /// `disconnect_delay:int`
            disconnect_delay: i32,
        }
    }

    tl_struct! {
        /// `destroy_session#e7512126 session_id:long = DestroySessionRes;`
        pub struct DestroySession = "destroy_session" 0xe7512126 -> enums::DestroySessionRes {
            /// `session_id:long`
            session_id: i64,
        }
    }
}

crate::tl_enum! {
    /// A value of any type.
    pub enum Object = "Object" {
        /// `resPQ`
        ResPq(types::ResPq),
        /// `p_q_inner_data`
        PQInnerData(types::PQInnerData),
        /// `p_q_inner_data_dc`
        PQInnerDataDc(types::PQInnerDataDc),
        /// `p_q_inner_data_temp`
        PQInnerDataTemp(types::PQInnerDataTemp),
        /// `p_q_inner_data_temp_dc`
        PQInnerDataTempDc(types::PQInnerDataTempDc),
        /// `bind_auth_key_inner`
        BindAuthKeyInner(types::BindAuthKeyInner),
        /// `server_DH_params_fail`
        ServerDhParamsFail(types::ServerDhParamsFail),
        /// `server_DH_params_ok`
        ServerDhParamsOk(types::ServerDhParamsOk),
        /// `server_DH_inner_data`
        ServerDhInnerData(types::ServerDhInnerData),
        /// `client_DH_inner_data`
        ClientDhInnerData(types::ClientDhInnerData),
        /// `dh_gen_ok`
        DhGenOk(types::DhGenOk),
        /// `dh_gen_retry`
        DhGenRetry(types::DhGenRetry),
        /// `dh_gen_fail`
        DhGenFail(types::DhGenFail),
        /// `destroy_auth_key_ok`
        DestroyAuthKeyOk(types::DestroyAuthKeyOk),
        /// `destroy_auth_key_none`
        DestroyAuthKeyNone(types::DestroyAuthKeyNone),
        /// `destroy_auth_key_fail`
        DestroyAuthKeyFail(types::DestroyAuthKeyFail),
        /// `msgs_ack`
        MsgsAck(types::MsgsAck),
        /// `bad_msg_notification`
        BadMsgNotification(types::BadMsgNotification),
        /// `bad_server_salt`
        BadServerSalt(types::BadServerSalt),
        /// `msgs_state_req`
        MsgsStateReq(types::MsgsStateReq),
        /// `msgs_state_info`
        MsgsStateInfo(types::MsgsStateInfo),
        /// `msgs_all_info`
        MsgsAllInfo(types::MsgsAllInfo),
        /// `msg_detailed_info`
        MsgDetailedInfo(types::MsgDetailedInfo),
        /// `msg_new_detailed_info`
        MsgNewDetailedInfo(types::MsgNewDetailedInfo),
        /// `msg_resend_req`
        MsgResendReq(types::MsgResendReq),
        /// `msg_resend_ans_req`
        MsgResendAnsReq(types::MsgResendAnsReq),
        /// `rpc_result`
        RpcResult(types::RpcResult),
        /// `rpc_error`
        RpcError(types::RpcError),
        /// `rpc_answer_unknown`
        RpcAnswerUnknown(types::RpcAnswerUnknown),
        /// `rpc_answer_dropped_running`
        RpcAnswerDroppedRunning(types::RpcAnswerDroppedRunning),
        /// `rpc_answer_dropped`
        RpcAnswerDropped(types::RpcAnswerDropped),
        /// `future_salt`
        FutureSalt(types::FutureSalt),
        /// `future_salts`
        FutureSalts(types::FutureSalts),
        /// `pong`
        Pong(types::Pong),
        /// `destroy_session_ok`
        DestroySessionOk(types::DestroySessionOk),
        /// `destroy_session_none`
        DestroySessionNone(types::DestroySessionNone),
        /// `new_session_created`
        NewSessionCreated(types::NewSessionCreated),
        /// `gzip_packed`
        GzipPacked(types::GzipPacked),
        /// `http_wait`
        HttpWait(types::HttpWait),
    }
}

crate::tl_enum! {
    /// A call of any function.
    pub enum Request = "Request" {
        /// `req_pq`
        ReqPq(functions::ReqPq),
        /// `req_pq_multi`
        ReqPqMulti(functions::ReqPqMulti),
        /// `req_DH_params`
        ReqDhParams(functions::ReqDhParams),
        /// `set_client_DH_params`
        SetClientDhParams(functions::SetClientDhParams),
        /// `destroy_auth_key`
        DestroyAuthKey(functions::DestroyAuthKey),
        /// `rpc_drop_answer`
        RpcDropAnswer(functions::RpcDropAnswer),
        /// `get_future_salts`
        GetFutureSalts(functions::GetFutureSalts),
        /// `ping`
        Ping(functions::Ping),
        /// `ping_delay_disconnect`
        PingDelayDisconnect(functions::PingDelayDisconnect),
        /// `destroy_session`
        DestroySession(functions::DestroySession),
    }
}
