//! The Sia Foundation's own crates as a peer of slabmend: `sia_mux` is the transport, `sia_core` the codecs, signatures, prices
//! and roots. What a host does with them, its checks and its proofs, is not in the crates and is written here.
//!
//!   slabmend-interop-host serve OPTIONS   hosts on loopback; commands on standard input, an answer a line (control.rs)
//!   slabmend-interop-host dial OPTIONS    a client; a line for each check (client/)
//!
//! OPTIONS is one JSON object.
mod client;
mod control;
mod host;
mod serve;

use std::process::ExitCode;

pub type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve", options] => control::run(options).await,
        ["dial", options] => client::run(options).await,
        _ => Err("expected: serve OPTIONS | dial OPTIONS".into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("slabmend-interop-host: {error}");
            ExitCode::FAILURE
        }
    }
}
