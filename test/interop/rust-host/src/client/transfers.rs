//! Sectors and their parts, what they cost, and reads that are given up.
use super::connection::Connection;
use super::{Verdict, expect_equal, report};
use crate::Failure;
use bytes::Bytes;
use chrono::Utc;
use sia_core::encoding_async::AsyncSiaDecodable;
use sia_core::rhp4::protocol::{RPCReadSector, RPCWriteSector, Usage};
use sia_core::rhp4::{SECTOR_SIZE, SEGMENT_SIZE, sector_root};
use sia_core::types::Hash256;
use std::sync::Arc;
use tokio::io::AsyncReadExt;
use tokio::task::JoinSet;

pub struct StoredSector {
    pub root: Hash256,
    pub data: Bytes,
}

const MEBIBYTE: usize = 1 << 20;
/// At the edges, across them, and one whole subtree: every shape that a proof can have.
const RANGES: [(usize, usize); 9] = [
    (0, SECTOR_SIZE),
    (0, 64),
    (SECTOR_SIZE - 64, 64),
    (192, 128),
    (MEBIBYTE, MEBIBYTE),
    (64, SECTOR_SIZE - 64),
    (0, 3 * 64),
    (12_345 * 64, 777 * 64),
    (3 * MEBIBYTE, MEBIBYTE),
];
const SHORT_WRITES: [usize; 4] = [64, 4096, MEBIBYTE, SECTOR_SIZE - 64];

pub async fn check(connection: &Connection) -> Result<StoredSector, Failure> {
    let prices = connection.prices();
    let is_valid = prices.is_valid(&connection.host_key, Utc::now());
    report("prices are signed by the host", if is_valid { Ok(connection.settings.release.clone()) } else { Err("not valid".into()) });

    let data: Bytes = (0..SECTOR_SIZE).map(|at| (at % 251) as u8).collect::<Vec<u8>>().into();
    let before = connection.balance().await?;
    let root = connection.write(connection.token(), data.clone()).await?;
    report("a whole sector has the crate's root", expect_equal(root, sector_root(&data)));
    let paid = before - connection.balance().await?;
    report("a write costs what the crate counts", expect_equal(paid, *Usage::write_sector(prices, SECTOR_SIZE).renter_cost()));

    for (offset, length) in RANGES {
        let before = connection.balance().await?;
        let verdict = match connection.read(root, offset, length).await {
            Ok(read) if read == data.slice(offset..offset + length) => Ok("data and proof are right".into()),
            Ok(_) => Err("other data".into()),
            Err(error) => Err(error.to_string()),
        };
        report(&format!("a read of {length} bytes at {offset}"), verdict);
        let paid = before - connection.balance().await?;
        report(
            &format!("a read of {length} bytes costs what the crate counts"),
            expect_equal(paid, *Usage::read_sector(prices, length).renter_cost()),
        );
    }
    for length in SHORT_WRITES {
        report(&format!("a write of {length} bytes is padded with zeros"), short_write(connection, &data, length).await);
    }
    Ok(StoredSector { root, data })
}

/// The crate's own `complete` panics on less than a sector, so the response is decoded here.
async fn short_write(connection: &Connection, data: &Bytes, length: usize) -> Verdict {
    let mut padded = vec![0u8; SECTOR_SIZE];
    padded[..length].copy_from_slice(&data[..length]);
    let mut stream = connection.stream().map_err(|error| error.to_string())?;
    RPCWriteSector::send_request(&mut stream, connection.prices().clone(), connection.token(), data.slice(..length))
        .await
        .map_err(|error| error.to_string())?;
    let is_error = bool::decode_async(&mut stream).await.map_err(|error| error.to_string())?;
    if is_error {
        return Err("refused".into());
    }
    expect_equal(Hash256::decode_async(&mut stream).await.map_err(|error| error.to_string())?, sector_root(&padded))
}

/// The frames that the crate, like Go, still takes for a stream that it closed; one more ends the connection. A sector is more than
/// that in packets below 4223 bytes, so there only a part of it can be given up.
const TOLERATED_FRAMES: usize = 999;
/// The response's head and a cut frame at its end.
const OTHER_FRAMES: usize = 2;

pub async fn check_given_up(connection: &Connection, sector: &StoredSector, frame_bytes: usize) -> Result<(), Failure> {
    const READS: usize = 4;
    let length = SECTOR_SIZE.min((TOLERATED_FRAMES - OTHER_FRAMES) * frame_bytes / SEGMENT_SIZE * SEGMENT_SIZE);
    for _ in 0..READS {
        let mut stream = connection.stream()?;
        let prices = connection.prices().clone();
        let _pending =
            RPCReadSector::send_request(&mut stream, prices, connection.token(), sector.root, 0, length).await?;
        let mut some = [0u8; 10_000];
        stream.read_exact(&mut some).await?;
        stream.close()?;
    }
    let verdict = match connection.read(sector.root, 64, 64).await {
        Ok(data) if data == sector.data.slice(64..128) => Ok(format!("{READS} of {length} bytes were given up")),
        Ok(_) => Err("other data".into()),
        Err(error) => Err(error.to_string()),
    };
    report("the connection goes on after reads that were given up", verdict);
    Ok(())
}

pub async fn check_many_at_once(connection: Connection, sector: StoredSector) -> Result<(), Failure> {
    const READS: usize = 32;
    const PART: usize = SECTOR_SIZE / READS;
    let (connection, root) = (Arc::new(connection), sector.root);
    let mut reads = JoinSet::new();
    for index in 0..READS {
        let connection = connection.clone();
        reads.spawn(async move { (index, connection.read(root, index * PART, PART).await) });
    }
    let mut wrong = Vec::new();
    while let Some(read) = reads.join_next().await {
        match read? {
            (index, Ok(data)) if data == sector.data.slice(index * PART..(index + 1) * PART) => {}
            (index, Ok(_)) => wrong.push(format!("{index}: other data")),
            (index, Err(error)) => wrong.push(format!("{index}: {error}")),
        }
    }
    let verdict = if wrong.is_empty() { Ok(format!("{READS} reads")) } else { Err(wrong.join("; ")) };
    report("many reads at once over one connection", verdict);
    Ok(())
}
