//! What every paid request is checked for first, in the order of the public Go server.
use super::refusal::{Served, not_enough_funds};
use crate::host::{Hash, Host, hash};
use chrono::Utc;
use ed25519_dalek::VerifyingKey;
use sia_core::encoding::SiaEncodable;
use sia_core::rhp4::protocol::Usage;
use sia_core::rhp4::{AccountToken, HostPrices};

pub struct Payment {
    pub prices: HostPrices,
    pub token: AccountToken,
}

impl Payment {
    /// In the words of the public Go server; None: nothing is wrong.
    pub fn flaw(&self, host: &Host) -> Option<&'static str> {
        let Payment { prices, token } = self;
        let own = host.key.public_key();
        let now = Utc::now();
        // The crate's `is_valid` says no more than yes or no, so the one reason that has words of its own is looked at before.
        if prices.valid_until <= now {
            Some("prices are invalid: prices expired")
        } else if !prices.is_valid(&own, now) {
            Some("prices are invalid: invalid signature")
        } else if token.host_key != own {
            Some("token is invalid: host key mismatch")
        } else if token.valid_until < now {
            Some("token is invalid: account token expired")
        } else if !is_signed(token) {
            Some("token is invalid: invalid signature")
        } else {
            None
        }
    }

    pub fn account(&self) -> Hash {
        self.token.account.into()
    }

    pub fn charge(&self, host: &Host, usage: Usage) -> Served<()> {
        if host.debit(&self.account(), *usage.renter_cost()) { Ok(()) } else { not_enough_funds() }
    }
}

/// The crate hashes a token itself only when it makes one.
fn is_signed(token: &AccountToken) -> bool {
    let mut signed = Vec::new();
    let encoded = token.host_key.encode(&mut signed).and_then(|()| token.account.encode(&mut signed));
    if encoded.and_then(|()| token.valid_until.encode(&mut signed)).is_err() {
        return false;
    }
    // The crate's `verify` panics on a key that is no point of the curve.
    let is_point = VerifyingKey::from_bytes(&token.account.into()).is_ok();
    is_point && token.account.verify(&hash(&[&signed]), &token.signature)
}
