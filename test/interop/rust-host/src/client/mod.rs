//! The crates as the client of slabmend's own hosts: every check prints one line, `{"check", "ok", "detail"}`.
mod connection;
mod refusals;
mod transfers;

use crate::Failure;
use crate::control::packets_of;
use crate::host::parse_hash;
use connection::Connection;
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Options {
    host_key: String,
    address: String,
    /// Of an account with money on the host.
    account_seed: String,
    packet_bytes: Option<u32>,
}

pub async fn run(options: &str) -> Result<(), Failure> {
    let Options { host_key, address, account_seed, packet_bytes } = serde_json::from_str(options)?;
    report("a host with another key is refused", connection::refuses_other_key(&address).await);
    let packets = packets_of(packet_bytes)?;
    let connection = Connection::dial(parse_hash(&host_key)?, &address, parse_hash(&account_seed)?, packets).await?;
    let sector = transfers::check(&connection).await?;
    refusals::check(&connection, &sector).await?;
    transfers::check_given_up(&connection, &sector, packets.max_payload_size()).await?;
    transfers::check_many_at_once(connection, sector).await
}

/// What a check found: a detail for the reader, or what is wrong.
type Verdict = Result<String, String>;

fn report(check: &str, verdict: Verdict) {
    let (ok, detail) = match verdict {
        Ok(detail) => (true, detail),
        Err(detail) => (false, detail),
    };
    println!("{}", json!({ "check": check, "ok": ok, "detail": detail }));
}

fn expect_equal<T: PartialEq + std::fmt::Display>(got: T, expected: T) -> Verdict {
    if got == expected { Ok(got.to_string()) } else { Err(format!("expected {expected}, got {got}")) }
}
