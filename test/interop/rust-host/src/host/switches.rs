//! How a host misbehaves. The names are those of dev/swarm/host-switches.ts, as far as a test needs them here.
use serde::Deserialize;

#[derive(Clone, Copy, Default, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase")]
pub enum Availability {
    #[default]
    Online,
    /// Refuses connections and drops those that it has.
    Offline,
    /// Keeps its connections and answers nothing.
    Silent,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EarlyRefusal {
    pub after_bytes: usize,
    pub code: u8,
    pub description: String,
}

/// Unknown names are ignored: the tests' side sends all that the swarm knows and refuses those that are missing here.
#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Switches {
    pub availability: Availability,
    /// Flips a bit of the data of every read; the proof stays honest.
    pub corrupts_data: bool,
    pub sends_wrong_proofs: bool,
    /// Answers reads with another sector's data and the proof that fits it.
    pub serves_other_sector: bool,
    /// Roots, in hexadecimal, that are `sector corrupt` after the debit.
    pub finds_sectors_corrupt: Vec<String>,
    pub out_of_funds: bool,
    pub full: bool,
    pub shutting_down: bool,
    pub refuses_writes_early: Option<EarlyRefusal>,
    /// Goes quiet after so many bytes of a read's data.
    pub stalls_reads_after_bytes: Option<usize>,
    /// Leaves the socket of a failed connection open and silent, as `sia_mux` does by itself. A Go host closes it, and so does
    /// this one by default.
    pub keeps_failed_connections: bool,
}
