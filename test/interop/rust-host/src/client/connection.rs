//! One connection to a host, and the crate's RPCs over it.
use super::Verdict;
use crate::Failure;
use crate::host::Hash;
use bytes::Bytes;
use ed25519_dalek::{SigningKey, VerifyingKey};
use sia_core::rhp4::protocol::{Error, RPCAccountBalance, RPCReadSector, RPCSettings, RPCWriteSector};
use sia_core::rhp4::{AccountToken, HostPrices, HostSettings};
use sia_core::signing::{PrivateKey, PublicKey};
use sia_core::types::Hash256;
use sia_mux::{ConnSettings, Mux, Stream};
use tokio::net::TcpStream;

pub struct Connection {
    pub mux: Mux,
    pub host_key: PublicKey,
    pub account: PrivateKey,
    pub settings: HostSettings,
}

impl Connection {
    pub async fn dial(host_key: Hash, address: &str, account_seed: Hash, packets: ConnSettings) -> Result<Connection, Failure> {
        let tcp = TcpStream::connect(address).await?;
        let mux = sia_mux::dial_with_settings(tcp, &VerifyingKey::from_bytes(&host_key)?, packets).await?;
        let mut stream = mux.dial_stream()?;
        let settings = RPCSettings::send_request(&mut stream).await?.complete(&mut stream).await?.settings;
        let account = PrivateKey::from_seed(&account_seed);
        Ok(Connection { mux, host_key: PublicKey::new(host_key), account, settings })
    }

    pub fn prices(&self) -> &HostPrices {
        &self.settings.prices
    }

    pub fn stream(&self) -> Result<Stream, Error> {
        Ok(self.mux.dial_stream().map_err(std::io::Error::from)?)
    }

    pub fn token(&self) -> AccountToken {
        AccountToken::new(&self.account, self.host_key)
    }

    pub async fn balance(&self) -> Result<u128, Error> {
        let mut stream = self.stream()?;
        let pending = RPCAccountBalance::send_request(&mut stream, self.account.public_key()).await?;
        Ok(*pending.complete(&mut stream).await?.balance)
    }

    pub async fn read(&self, root: Hash256, offset: usize, length: usize) -> Result<Bytes, Error> {
        self.read_with(self.prices().clone(), self.token(), root, offset, length).await
    }

    /// The crate verifies the proof.
    pub async fn read_with(
        &self,
        prices: HostPrices,
        token: AccountToken,
        root: Hash256,
        offset: usize,
        length: usize,
    ) -> Result<Bytes, Error> {
        let mut stream = self.stream()?;
        let pending = RPCReadSector::send_request(&mut stream, prices, token, root, offset, length).await?;
        Ok(pending.complete(&mut stream).await?.data)
    }

    /// The crate compares the root with its own.
    pub async fn write(&self, token: AccountToken, sector: Bytes) -> Result<Hash256, Error> {
        let mut stream = self.stream()?;
        let pending = RPCWriteSector::send_request(&mut stream, self.prices().clone(), token, sector).await?;
        Ok(pending.complete(&mut stream).await?.root)
    }
}

pub async fn refuses_other_key(address: &str) -> Verdict {
    let tcp = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
    match sia_mux::dial(tcp, &SigningKey::from_bytes(&[9; 32]).verifying_key()).await {
        Err(error) => Ok(error.to_string()),
        Ok(_) => Err("the connection was made".into()),
    }
}
