//! Refusals as the crate decodes them: code and words are the public Go server's.
use super::connection::Connection;
use super::transfers::StoredSector;
use super::{Verdict, report};
use crate::Failure;
use chrono::DateTime;
use sia_core::encoding_async::AsyncSiaDecodable;
use sia_core::rhp4::protocol::{Error, RPCError};
use sia_core::rhp4::{AccountToken, HostPrices, SECTOR_SIZE};
use sia_core::signing::{PrivateKey, PublicKey};
use sia_core::types::{Currency, Hash256};
use tokio::io::AsyncWriteExt;

pub async fn check(connection: &Connection, sector: &StoredSector) -> Result<(), Failure> {
    let root = sector.root;
    let refused = |name: &str, result: Result<(), Error>, code: u8, words: &str| report(name, verdict(result, code, words));

    let read = async |offset, length| connection.read(root, offset, length).await.map(drop);
    let unknown = connection.read(Hash256::new([1; 32]), 0, 64).await.map(drop);
    refused("an unknown root", unknown, 2, "sector not found");
    let words = "request invalid: length must be greater than 0 (3)";
    refused("a read of nothing", read(0, 0).await, 3, words);
    let words = "request invalid: read request exceeds sector bounds (3)";
    refused("a read beyond the end", read(SECTOR_SIZE, 64).await, 3, words);
    let words = "request invalid: read request must be segment aligned (3)";
    refused("a read that ends off a leaf", read(0, 63).await, 3, words);

    let with_prices = async |prices: HostPrices| connection.read_with(prices, connection.token(), root, 0, 64).await.map(drop);
    let mut prices = connection.prices().clone();
    prices.egress_price = Currency::new(0);
    let words = "request invalid: prices are invalid: invalid signature (3)";
    refused("changed prices", with_prices(prices).await, 3, words);
    let mut prices = connection.prices().clone();
    prices.valid_until = DateTime::from_timestamp_secs(1_700_000_000).ok_or("no such time")?;
    let words = "request invalid: prices are invalid: prices expired (3)";
    refused("prices of the past", with_prices(prices).await, 3, words);

    let with_token =
        async |token| connection.read_with(connection.prices().clone(), token, root, 0, 64).await.map(drop);
    let token = AccountToken::new(&connection.account, PublicKey::new([3; 32]));
    let words = "request invalid: token is invalid: host key mismatch (3)";
    refused("a token for another host", with_token(token).await, 3, words);
    let mut token = connection.token();
    token.valid_until = DateTime::from_timestamp_secs(1_700_000_000).ok_or("no such time")?;
    let words = "request invalid: token is invalid: account token expired (3)";
    refused("a token of the past", with_token(token).await, 3, words);
    let mut token = connection.token();
    token.valid_until += chrono::Duration::seconds(1);
    let words = "request invalid: token is invalid: invalid signature (3)";
    refused("a changed token", with_token(token).await, 3, words);

    let stranger = AccountToken::new(&PrivateKey::from_seed(&[77; 32]), connection.host_key);
    refused("a read without money", with_token(stranger.clone()).await, 5, "not enough funds");
    let write = connection.write(stranger, sector.data.clone()).await.map(drop);
    refused("a whole sector without money", write, 5, "not enough funds");
    report("an RPC that does not exist", unknown_rpc(connection).await);
    Ok(())
}

fn verdict(result: Result<(), Error>, code: u8, words: &str) -> Verdict {
    match result {
        Err(Error::RPC(error)) if error.code == code && error.description == words => Ok(error.to_string()),
        Err(error) => Err(error.to_string()),
        Ok(()) => Err("it was not refused".into()),
    }
}

async fn unknown_rpc(connection: &Connection) -> Verdict {
    let call = async || -> Result<RPCError, Error> {
        let mut stream = connection.stream()?;
        stream.write_all(b"NoSuchRPC\0\0\0\0\0\0\0").await?;
        match bool::decode_async(&mut stream).await? {
            true => Ok(RPCError::decode_async(&mut stream).await?),
            false => Err(Error::InvalidResponse("it was served".into())),
        }
    };
    match call().await {
        Ok(error) => verdict(Err(Error::RPC(error)), 3, "unrecognized RPC"),
        Err(error) => Err(error.to_string()),
    }
}
