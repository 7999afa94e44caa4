//! The RPC of a stream: its name, its handler, and how it is refused. A handler's order is the public Go server's: checks, what is free
//! to find out, the debit, the work.
use super::listener::until_not_silent;
use super::payment::Payment;
use super::refusal::{self, NotServed, Served};
use crate::host::Host;
use sia_core::encoding::SiaEncodable;
use sia_core::encoding_async::AsyncSiaDecodable;
use sia_core::rhp4::protocol::Usage;
use sia_core::rhp4::{AccountToken, HostPrices, HostSettings, LEAVES_PER_SECTOR, SECTOR_SIZE, SEGMENT_SIZE};
use sia_core::signing::PublicKey;
use sia_core::types::{Address, Currency, Hash256};
use sia_mux::Stream;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const SPECIFIER_BYTES: usize = 16;
/// Sent at once: a whole number of the largest frames, so that a sector is no more frames than from a Go host.
const LUMP_BYTES: usize = 16 * 4296;
/// A host's answer begins with whether it is an error.
const SUCCESS: u8 = 0;
const ERROR: u8 = 1;

pub async fn serve_stream(host: Arc<Host>, mut stream: Stream) {
    match serve(&host, &mut stream).await {
        Ok(()) | Err(NotServed::Departed) => {}
        Err(NotServed::Fault(fault)) => host.counters.lock().unwrap().faults.push(fault.to_string()),
        Err(NotServed::Refused(error)) => {
            host.counters.lock().unwrap().refusal(&error.description);
            let mut answer = vec![ERROR];
            if error.encode(&mut answer).is_ok() {
                let _ = stream.write_all(&answer).await;
            }
        }
    }
    let _ = stream.close();
}

async fn serve(host: &Host, stream: &mut Stream) -> Served<()> {
    if host.switches.borrow().shutting_down {
        return refusal::host("host is shutting down");
    }
    let mut specifier = [0u8; SPECIFIER_BYTES];
    stream.read_exact(&mut specifier).await?;
    until_not_silent(host).await;
    let name = std::str::from_utf8(&specifier).unwrap_or_default().trim_end_matches('\0');
    host.counters.lock().unwrap().rpc(name);
    match name {
        "Settings" => settings(host, stream).await,
        "AccountBalance" => account_balance(host, stream).await,
        "LatestRevision" => latest_revision(stream).await,
        "ReadSector" => read_sector(host, stream).await,
        "WriteSector" => write_sector(host, stream).await,
        "VerifySector" => verify_sector(host, stream).await,
        _ => refusal::unrecognized(),
    }
}

async fn decode<T: AsyncSiaDecodable>(stream: &mut Stream) -> Served<T> {
    match T::decode_async(stream).await {
        Ok(value) => Ok(value),
        Err(sia_core::encoding::Error::Io(_)) => Err(NotServed::Departed),
        Err(error) => refusal::undecodable(error),
    }
}

async fn decode_payment(stream: &mut Stream) -> Served<Payment> {
    let prices = decode::<HostPrices>(stream).await?;
    let token = decode::<AccountToken>(stream).await?;
    Ok(Payment { prices, token })
}

async fn answer(stream: &mut Stream, response: &impl SiaEncodable) -> Served<()> {
    let mut bytes = vec![SUCCESS];
    encode(response, &mut bytes)?;
    stream.write_all(&bytes).await?;
    Ok(())
}

fn encode(value: &impl SiaEncodable, bytes: &mut Vec<u8>) -> Served<()> {
    value.encode(bytes).map_err(|error| NotServed::Fault(error.into()))
}

async fn settings(host: &Host, stream: &mut Stream) -> Served<()> {
    let settings = HostSettings {
        protocol_version: [5, 1, 0],
        release: "sia_core 0.6.1".into(),
        wallet_address: Address::new([0; 32]),
        accepting_contracts: true,
        max_collateral: Currency::siacoins(10_000),
        max_contract_duration: 25_920,
        remaining_storage: if host.switches.borrow().full { 0 } else { 100_000 },
        total_storage: 100_000,
        prices: host.prices(),
    };
    answer(stream, &settings).await
}

async fn account_balance(host: &Host, stream: &mut Stream) -> Served<()> {
    let account = decode::<PublicKey>(stream).await?;
    answer(stream, &Currency::new(host.balance(&account.into()))).await
}

async fn latest_revision(stream: &mut Stream) -> Served<()> {
    decode::<Hash256>(stream).await?;
    refusal::host("contract not found")
}

async fn read_sector(host: &Host, stream: &mut Stream) -> Served<()> {
    let payment = decode_payment(stream).await?;
    let root = decode::<Hash256>(stream).await?;
    let (offset, length) = (decode::<u64>(stream).await?, decode::<u64>(stream).await?);
    if let Some(flaw) = payment.flaw(host).or_else(|| range_flaw(offset, length)) {
        return refusal::bad_request(&format!("request invalid: {flaw}"));
    }
    let (offset, length) = (offset as usize, length as usize);
    require_sector(host, &root)?;
    payment.charge(host, Usage::read_sector(&payment.prices, length))?;
    let (proof, data) = prove(host, &root, offset, length)?;
    let mut head = vec![SUCCESS];
    encode(&proof, &mut head)?;
    encode(&(data.len() as u64), &mut head)?;
    stream.write_all(&head).await?;
    send(host, stream, &data).await
}

fn range_flaw(offset: u64, length: u64) -> Option<&'static str> {
    let sector = SECTOR_SIZE as u64;
    if length == 0 {
        Some("length must be greater than 0")
    } else if offset > sector || length > sector - offset {
        Some("read request exceeds sector bounds")
    } else if !(offset + length).is_multiple_of(SEGMENT_SIZE as u64) {
        Some("read request must be segment aligned")
    } else {
        None
    }
}

async fn verify_sector(host: &Host, stream: &mut Stream) -> Served<()> {
    let payment = decode_payment(stream).await?;
    let root = decode::<Hash256>(stream).await?;
    let leaf = decode::<u64>(stream).await?;
    if let Some(flaw) = payment.flaw(host) {
        return refusal::bad_request(flaw);
    }
    if leaf >= LEAVES_PER_SECTOR as u64 {
        return refusal::bad_request(&format!("leaf index must be less than {LEAVES_PER_SECTOR}"));
    }
    require_sector(host, &root)?;
    payment.charge(host, Usage::verify_sector(&payment.prices))?;
    let (proof, data) = prove(host, &root, leaf as usize * SEGMENT_SIZE, SEGMENT_SIZE)?;
    answer(stream, &proof).await?;
    send(host, stream, &data).await
}

/// Free of charge.
fn require_sector(host: &Host, root: &Hash256) -> Served<()> {
    if host.sectors.has(root.as_ref()) { Ok(()) } else { refusal::host("sector not found") }
}

/// A range and its proof, with what the switches do to both.
fn prove(host: &Host, root: &Hash256, offset: usize, length: usize) -> Served<(Vec<Hash256>, Vec<u8>)> {
    let switches = host.switches.borrow().clone();
    if switches.finds_sectors_corrupt.contains(&root.to_string()) {
        return refusal::host("sector corrupt");
    }
    // A range that begins off a leaf but ends on one passes the request's checks; a store then finds it impossible.
    if !offset.is_multiple_of(SEGMENT_SIZE) {
        return refusal::host("internal error");
    }
    let stored = host.sectors.read(root.as_ref()).map_err(|error| NotServed::Fault(error.into()))?;
    let Some(stored) = stored else { return refusal::host("sector not found") };
    let sector = if switches.serves_other_sector { host.decoy() } else { stored };
    let mut proof = sector.tree.range_proof(&sector.data, offset / SEGMENT_SIZE, (offset + length) / SEGMENT_SIZE);
    let mut data = sector.data[offset..offset + length].to_vec();
    if switches.corrupts_data {
        data[length / 2] ^= 1;
    }
    if switches.sends_wrong_proofs {
        match proof.first_mut() {
            Some(hash) => *hash = Hash256::new([0xee; 32]),
            None => proof.push(Hash256::new([0xee; 32])),
        }
    }
    Ok((proof, data))
}

async fn send(host: &Host, stream: &mut Stream, data: &[u8]) -> Served<()> {
    let mut sent = 0;
    while sent < data.len() {
        until_not_silent(host).await;
        let mut switches = host.switches.subscribe();
        let goes_on = |stall: Option<usize>| stall.is_none_or(|after| sent < after);
        let stall = match switches.wait_for(|now| goes_on(now.stalls_reads_after_bytes)).await {
            Ok(now) => now.stalls_reads_after_bytes,
            Err(_) => None,
        };
        let end = data.len().min(sent + LUMP_BYTES).min(stall.unwrap_or(usize::MAX));
        stream.write_all(&data[sent..end]).await?;
        host.counters.lock().unwrap().bytes_read += (end - sent) as u64;
        sent = end;
    }
    Ok(())
}

async fn write_sector(host: &Host, stream: &mut Stream) -> Served<()> {
    let payment = decode_payment(stream).await?;
    let length = decode::<u64>(stream).await?;
    if let Some(flaw) = payment.flaw(host).or_else(|| length_flaw(length)) {
        return refusal::bad_request(&format!("request invalid: {flaw}"));
    }
    let mut sector = vec![0u8; SECTOR_SIZE];
    take(host, stream, &mut sector[..length as usize]).await?;
    // The crate counts the storage of what was sent; Go, and so every host, that of a whole sector.
    let ingress = Usage::write_sector(&payment.prices, length as usize).ingress;
    payment.charge(host, Usage { ingress, ..Usage::write_sector(&payment.prices, SECTOR_SIZE) })?;
    if host.switches.borrow().full {
        return refusal::host("not enough storage");
    }
    let root = host.store(&sector).map_err(NotServed::Fault)?;
    host.counters.lock().unwrap().sectors_stored += 1;
    answer(stream, &root).await
}

fn length_flaw(length: u64) -> Option<&'static str> {
    if length == 0 {
        Some("sector must not be empty")
    } else if !length.is_multiple_of(SEGMENT_SIZE as u64) {
        Some("sector must be segment aligned")
    } else if length > SECTOR_SIZE as u64 {
        Some("sector exceeds sector bounds")
    } else {
        None
    }
}

async fn take(host: &Host, stream: &mut Stream, data: &mut [u8]) -> Served<()> {
    for (index, lump) in data.chunks_mut(LUMP_BYTES).enumerate() {
        let refuses = host.switches.borrow().refuses_writes_early.clone();
        if let Some(early) = refuses.filter(|early| index * LUMP_BYTES >= early.after_bytes) {
            return refusal::early(early.code, &early.description);
        }
        stream.read_exact(lump).await?;
        host.counters.lock().unwrap().bytes_written += lump.len() as u64;
    }
    Ok(())
}
