//! How a host is reached: sockets, connections, streams and the RPC of each stream.
pub mod listener;
mod payment;
mod refusal;
mod rpc;
