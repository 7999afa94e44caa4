//! The commands of the tests: one JSON object a line on standard input, one JSON value a line as the answer. The process ends with
//! its standard input, so it cannot outlive the test.
use crate::Failure;
use crate::host::switches::Switches;
use crate::host::{Host, parse_hash};
use crate::serve::listener::Listener;
use serde::Deserialize;
use serde_json::{Value, json};
use sia_mux::ConnSettings;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};

/// siamux's own default.
const MAX_TIMEOUT: Duration = Duration::from_secs(20 * 60);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Options {
    /// Hosts' keys follow from it.
    seed: String,
    host_count: u64,
    /// Sectors go below it, a folder for each host.
    folder: PathBuf,
    /// Of siamux; default the crate's.
    packet_bytes: Option<u32>,
}

#[derive(Deserialize)]
struct Command {
    host: usize,
    #[serde(flatten)]
    action: Action,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", tag = "do")]
enum Action {
    Switch { switches: Switches },
    Fund { account: String, hastings: String },
    Balance { account: String },
    DropSector { root: String },
    HasSector { root: String },
    Counters,
}

pub fn packets_of(bytes: Option<u32>) -> Result<ConnSettings, Failure> {
    Ok(match bytes {
        None => ConnSettings::default(),
        Some(bytes) => ConnSettings::new(bytes, MAX_TIMEOUT)?,
    })
}

pub async fn run(options: &str) -> Result<(), Failure> {
    let Options { seed, host_count, folder, packet_bytes } = serde_json::from_str(options)?;
    let packets = packets_of(packet_bytes)?;
    let mut hosts = Vec::new();
    for index in 0..host_count {
        let host = Arc::new(Host::create(&seed, index, &folder)?);
        hosts.push(Listener::open(host, packets).await?);
    }
    let started: Vec<Value> = hosts.iter().map(|host| json!({ "hostKey": host.host.key_hex(), "address": host.address() })).collect();
    println!("{}", json!(started));
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let answer = match execute(&mut hosts, &line).await {
            Ok(value) => json!({ "value": value }),
            Err(error) => json!({ "error": error.to_string() }),
        };
        println!("{answer}");
    }
    Ok(())
}

async fn execute(hosts: &mut [Listener], line: &str) -> Result<Value, Failure> {
    let Command { host, action } = serde_json::from_str(line)?;
    let listener = hosts.get_mut(host).ok_or("no such host")?;
    let host = listener.host.clone();
    Ok(match action {
        Action::Switch { switches } => {
            host.switches.send_replace(switches);
            listener.match_availability().await?;
            Value::Null
        }
        Action::Fund { account, hastings } => {
            host.fund(parse_hash(&account)?, hastings.parse()?);
            Value::Null
        }
        Action::Balance { account } => json!(host.balance(&parse_hash(&account)?).to_string()),
        Action::DropSector { root } => json!(host.sectors.remove(&parse_hash(&root)?)?),
        Action::HasSector { root } => json!(host.sectors.has(&parse_hash(&root)?)),
        Action::Counters => json!(*host.counters.lock().unwrap()),
    })
}
