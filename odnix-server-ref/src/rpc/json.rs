//! `odnix.invokeJson`: any method by its JSON form, answered in it.
//!
//! ```text
//! odnix.invokeJson ─read─▶ Request ─▶ as every other request ─▶ reply ─write─▶ dataJSON
//! ```
//!
//! Only the form differs: the request that was read goes through the same preparation and the
//! same transaction as one that came as TL, and fails with the same errors. The answer is
//! written inside the transaction, so that one without a JSON form changes nothing.
//!
//! What wraps a call is peeled off before a request gets here; inside the JSON form it is
//! refused, and so is `odnix.invokeJson` itself. `auth.bindTempAuthKey` is the session's own:
//! it binds the message that carries it.

use super::{RpcError, encode};
use crate::store::StoreError;
use bytes::Bytes;
use odnix_tl::dynamic::{Expected, Layer};
use odnix_tl::json::{JsonError, Value};
use odnix_tl::odnix::functions::odnix::InvokeJson;
use odnix_tl::odnix::{Request, SCHEMA, types};

/// The longest query, in bytes: room for the largest request in base64. While it is read a hostile
/// one takes about ten times its length in memory, an empty array being three bytes of text.
pub const QUERY_LEN_MAX: usize = 1 << 20;

/// The longest reason that a caller is told, in characters.
const REASON_CHARS_MAX: usize = 200;

/// The form in which a request came, and in which it is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// Bytes.
    #[default]
    Tl,
    /// JSON; the name of the method tells what the answer is.
    Json(&'static str),
}

/// Why JSON is no request, for the one who wrote it: names and places, no values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason(String);

impl Reason {
    fn new(text: &str) -> Self {
        let shown = |char: char| if char.is_control() { char::REPLACEMENT_CHARACTER } else { char };
        let mut chars = text.chars().map(shown);
        let mut reason: String = chars.by_ref().take(REASON_CHARS_MAX).collect();
        if chars.next().is_some() {
            reason.push('…');
        }
        Self(reason)
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<JsonError> for RpcError {
    fn from(error: JsonError) -> Self {
        Self::DataJsonInvalid(Reason::new(&error.to_string()))
    }
}

/// The layer whose JSON forms are read and written.
pub(super) fn layer() -> &'static Layer {
    SCHEMA.layer()
}

/// Reads the method that a query names. A long query takes milliseconds.
///
/// # Errors
/// The query is longer than [`QUERY_LEN_MAX`], not JSON, or not the JSON form of a method; or the
/// method wraps another one.
pub fn read(invocation: &InvokeJson) -> Result<(Request, Form), RpcError> {
    if invocation.query.data.len() > QUERY_LEN_MAX {
        let text = format!("longer than {QUERY_LEN_MAX} bytes");
        return Err(RpcError::DataJsonInvalid(Reason::new(&text)));
    }
    let value: Value = serde_json::from_str(&invocation.query.data)
        .map_err(|error| RpcError::DataJsonInvalid(Reason::new(&error.to_string())))?;
    let body = layer().encode_as(Expected::Function, &value)?;
    let (_, name) = layer().identify(&body).ok_or(RpcError::InputRequestInvalid)?;
    match super::Rpc::decode(body)? {
        Request::InvokeAfterMsg(_)
        | Request::InvokeAfterMsgs(_)
        | Request::InitConnection(_)
        | Request::InvokeWithLayer(_)
        | Request::InvokeWithoutUpdates(_)
        | Request::OdnixInvokeJson(_) => {
            let text = format!("_: {name} goes around odnix.invokeJson, not into its query");
            Err(RpcError::DataJsonInvalid(Reason::new(&text)))
        }
        Request::AuthBindTempAuthKey(_) => {
            let text =
                format!("_: {name} belongs to the message that carries it, not into a query");
            Err(RpcError::DataJsonInvalid(Reason::new(&text)))
        }
        request => Ok((request, Form::Json(name))),
    }
}

impl Form {
    /// The reply as the caller wants it.
    pub(super) fn write(self, reply: Bytes) -> Result<Bytes, RpcError> {
        let Self::Json(method) = self else { return Ok(reply) };
        let unreadable = |_| StoreError::Corrupt("a result is not of its type");
        let value = layer().decode_result(method, reply).map_err(unreadable)?;
        let unwritable = |_| StoreError::Corrupt("a result has no JSON form");
        let data = serde_json::to_string(&value).map_err(unwritable)?;
        encode(&types::DataJson { data })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use odnix_tl::{Decode, Encode};

    fn echoed(len: usize) -> Bytes {
        types::help::Echoed { data: vec![0; len].into() }.to_bytes().unwrap()
    }

    #[test]
    fn a_reply_longer_in_json_than_a_string_may_be_is_an_error_of_the_server() {
        let form = Form::Json("help.echo");
        let written = form.write(echoed(12 << 20)).unwrap_err();
        assert!(matches!(written, RpcError::Store(_)));
        assert_eq!((written.code(), written.message()), (500, "INTERNAL".into()));
        let longest = types::DataJson::from_bytes(form.write(echoed(11 << 20)).unwrap()).unwrap();
        assert!(longest.data.len() > 14 << 20);
    }

    #[test]
    fn a_query_is_no_longer_than_allowed() {
        let of_len = |len: usize| {
            let mut data = r#"{"_":"updates.getState"}"#.to_owned();
            data.push_str(&" ".repeat(len - data.len()));
            read(&InvokeJson { query: types::DataJson { data } })
        };
        assert!(of_len(QUERY_LEN_MAX).is_ok());
        let refused = of_len(QUERY_LEN_MAX + 1).unwrap_err();
        let message = "DATA_JSON_INVALID: longer than 1048576 bytes";
        assert_eq!((refused.code(), refused.message()), (400, message.into()));
    }

    #[test]
    fn a_reply_that_is_not_what_the_method_returns_is_an_error_of_the_server() {
        let written = Form::Json("updates.getState").write(echoed(1)).unwrap_err();
        assert!(matches!(written, RpcError::Store(_)));
        assert_eq!(Form::Tl.write(echoed(1)).unwrap(), echoed(1));
    }

    #[test]
    fn a_reason_is_one_line_of_bounded_length() {
        let reason = Reason::new(&"two\nlines ".repeat(50)).to_string();
        assert_eq!(reason.chars().count(), REASON_CHARS_MAX + 1);
        assert!(reason.ends_with('…') && !reason.contains('\n'));
        assert_eq!(Reason::new(&"ü".repeat(200)).to_string(), "ü".repeat(200));
    }
}
