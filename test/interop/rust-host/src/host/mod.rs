//! What a host is, apart from how it is reached: its key, sectors, accounts and switches.
pub mod counters;
pub mod proof;
pub mod sectors;
pub mod switches;

use crate::Failure;
use counters::Counters;
use ed25519_dalek::SigningKey;
use proof::SectorTree;
use sectors::{SectorStore, StoredSector};
use sia_core::rhp4::{HostPrices, SECTOR_SIZE, sector_root};
use sia_core::signing::{PrivateKey, Signature};
use sia_core::types::{Currency, Hash256};
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};
use switches::Switches;
use tokio::sync::watch;

pub type Hash = [u8; 32];

/// The chain's height, as dev/demo has it.
const TIP_HEIGHT: u64 = 580_000;
/// hostd issues prices for 30 minutes.
const PRICES_VALID: chrono::Duration = chrono::Duration::minutes(30);

pub struct Host {
    pub key: PrivateKey,
    /// The same key, as the transport takes it.
    pub identity: SigningKey,
    pub sectors: SectorStore,
    index: u64,
    decoy: OnceLock<Arc<SectorTree>>,
    /// Watched: calls that a switch holds up go on when it changes.
    pub switches: watch::Sender<Switches>,
    pub counters: Mutex<Counters>,
    accounts: Mutex<HashMap<Hash, u128>>,
}

impl Host {
    pub fn create(seed: &str, index: u64, folder: &Path) -> Result<Host, Failure> {
        let private = hash(&[seed.as_bytes(), &index.to_le_bytes()]);
        Ok(Host {
            key: PrivateKey::from_seed(&private),
            identity: SigningKey::from_bytes(&private),
            sectors: SectorStore::create(&folder.join(format!("host-{index:02}")))?,
            index,
            decoy: OnceLock::new(),
            switches: watch::channel(Switches::default()).0,
            counters: Mutex::default(),
            accounts: Mutex::default(),
        })
    }

    pub fn key_hex(&self) -> String {
        hex::encode(self.key.public_key().as_ref())
    }

    /// Those of dev/swarm/swarm.ts, signed by this host.
    pub fn prices(&self) -> HostPrices {
        let mut prices = HostPrices {
            contract_price: Currency::new(200_000_000_000_000_000_000_000),
            collateral: Currency::new(231_481_481_480),
            storage_price: Currency::new(115_740_740_740),
            ingress_price: Currency::new(50_000_000_000_000),
            egress_price: Currency::new(500_000_000_000_000),
            free_sector_price: Currency::new(1_000_000_000_000_000),
            tip_height: TIP_HEIGHT,
            valid_until: chrono::Utc::now() + PRICES_VALID,
            signature: Signature::default(),
        };
        prices.signature = self.key.sign(prices.sig_hash().as_ref());
        prices
    }

    pub fn fund(&self, account: Hash, hastings: u128) {
        *self.accounts.lock().unwrap().entry(account).or_default() += hastings;
    }

    pub fn balance(&self, account: &Hash) -> u128 {
        if self.switches.borrow().out_of_funds {
            return 0;
        }
        self.accounts.lock().unwrap().get(account).copied().unwrap_or_default()
    }

    /// False: the account does not have so much.
    pub fn debit(&self, account: &Hash, hastings: u128) -> bool {
        let left = self.balance(account).checked_sub(hastings);
        if let Some(left) = left {
            self.accounts.lock().unwrap().insert(*account, left);
            self.counters.lock().unwrap().charge(hastings);
        }
        left.is_some()
    }

    /// What a host that serves another sector serves.
    pub fn decoy(&self) -> StoredSector {
        let data = vec![self.index as u8; SECTOR_SIZE];
        let tree = self.decoy.get_or_init(|| Arc::new(SectorTree::of(&data))).clone();
        StoredSector { data, tree }
    }

    /// The root is the crate's.
    pub fn store(&self, sector: &[u8]) -> Result<Hash256, Failure> {
        let root = sector_root(sector);
        self.sectors.write(root.as_ref(), sector)?;
        Ok(root)
    }
}

pub fn hash(parts: &[&[u8]]) -> Hash {
    let mut state = blake2b_simd::Params::new().hash_length(32).to_state();
    for part in parts {
        state.update(part);
    }
    Hash256::from(state.finalize()).into()
}

pub fn parse_hash(text: &str) -> Result<Hash, Failure> {
    hex::decode(text)?.try_into().map_err(|_| "expected 32 bytes in hexadecimal".into())
}
