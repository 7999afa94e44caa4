//! What a host answers instead of serving: the public Go server's codes and words.
use crate::Failure;
use sia_core::rhp4::protocol::RPCError;

const HOST: u8 = 2;
const BAD_REQUEST: u8 = 3;
const DECODING: u8 = 4;
const PAYMENT: u8 = 5;

/// Why an RPC was not served.
pub enum NotServed {
    Refused(RPCError),
    /// The client or its connection has left.
    Departed,
    /// A fault of this host.
    Fault(Failure),
}

pub type Served<T> = Result<T, NotServed>;

impl From<std::io::Error> for NotServed {
    fn from(_: std::io::Error) -> NotServed {
        NotServed::Departed
    }
}

fn refuse<T>(code: u8, description: impl Into<String>) -> Served<T> {
    Err(NotServed::Refused(RPCError { code, description: description.into() }))
}

pub fn host<T>(description: &str) -> Served<T> {
    refuse(HOST, description)
}

pub fn not_enough_funds<T>() -> Served<T> {
    refuse(PAYMENT, "not enough funds")
}

pub fn unrecognized<T>() -> Served<T> {
    refuse(BAD_REQUEST, "unrecognized RPC")
}

pub fn undecodable<T>(reason: impl std::fmt::Display) -> Served<T> {
    refuse(DECODING, format!("failed to read request: {reason}"))
}

/// Go prints an RPC error as `text (code)`, and a bad request carries that print.
pub fn bad_request<T>(reason: &str) -> Served<T> {
    refuse(BAD_REQUEST, format!("{reason} ({BAD_REQUEST})"))
}

pub fn early<T>(code: u8, description: &str) -> Served<T> {
    refuse(code, description)
}
