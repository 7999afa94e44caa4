//! What a host has done, in the shape of dev/swarm/host-counters.ts.
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counters {
    pub connections: u64,
    /// Connections that ended, by the crate's words.
    ends: BTreeMap<String, u64>,
    rpcs: BTreeMap<String, u64>,
    refusals: BTreeMap<String, u64>,
    pub bytes_read: u64,
    pub bytes_written: u64,
    pub sectors_stored: u64,
    #[serde(serialize_with = "as_text")]
    hastings_charged: u128,
    /// What no refusal and no departed client explains.
    pub faults: Vec<String>,
}

impl Counters {
    pub fn end(&mut self, why: String) {
        *self.ends.entry(why).or_default() += 1;
    }

    pub fn rpc(&mut self, name: &str) {
        *self.rpcs.entry(name.into()).or_default() += 1;
    }

    pub fn refusal(&mut self, description: &str) {
        *self.refusals.entry(description.into()).or_default() += 1;
    }

    pub fn charge(&mut self, hastings: u128) {
        self.hastings_charged += hastings;
    }
}

/// JSON's numbers are too small for hastings.
fn as_text<S: Serializer>(value: &u128, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}
