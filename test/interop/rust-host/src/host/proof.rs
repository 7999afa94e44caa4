//! Range proofs of a sector: the roots of the largest subtrees beside the range, from left to right. The crate verifies them and does
//! not export how to build them.
use super::{Hash, hash};
use sia_core::rhp4::{LEAVES_PER_SECTOR, SEGMENT_SIZE};
use sia_core::types::Hash256;

const LEAF_PREFIX: [u8; 1] = [0];
const NODE_PREFIX: [u8; 1] = [1];

/// Subtrees smaller than this are hashed when they are asked for: a tree of 64 KiB for each sector instead of 4 MiB.
const BLOCK_LEAVES: usize = 64;

/// The upper part of a sector's Merkle tree, so that a proof does not hash the whole sector again.
pub struct SectorTree {
    /// Roots of subtrees of `BLOCK_LEAVES` leaves, then of twice as many, up to the sector's root.
    levels: Vec<Vec<Hash>>,
}

impl SectorTree {
    pub fn of(sector: &[u8]) -> SectorTree {
        let blocks = (0..LEAVES_PER_SECTOR / BLOCK_LEAVES).map(|block| subtree_root(sector, block * BLOCK_LEAVES, BLOCK_LEAVES));
        let mut levels = vec![blocks.collect::<Vec<Hash>>()];
        while let Some(below) = levels.last().filter(|level| level.len() > 1) {
            levels.push(below.chunks(2).map(|pair| hash(&[&NODE_PREFIX, &pair[0], &pair[1]])).collect());
        }
        SectorTree { levels }
    }

    /// For the leaves `start..end` of this sector.
    pub fn range_proof(&self, sector: &[u8], start: usize, end: usize) -> Vec<Hash256> {
        let mut proof = Vec::new();
        self.collect(sector, (0, LEAVES_PER_SECTOR), (start, end), &mut proof);
        proof
    }

    fn collect(&self, sector: &[u8], (first, leaves): (usize, usize), range: (usize, usize), proof: &mut Vec<Hash256>) {
        let (start, end) = range;
        let last = first + leaves;
        let is_inside = start <= first && last <= end;
        let is_beside = last <= start || end <= first;
        if is_beside {
            proof.push(self.node(sector, first, leaves).into());
        } else if !is_inside {
            let half = leaves / 2;
            self.collect(sector, (first, half), range, proof);
            self.collect(sector, (first + half, half), range, proof);
        }
    }

    fn node(&self, sector: &[u8], first: usize, leaves: usize) -> Hash {
        if leaves < BLOCK_LEAVES {
            return subtree_root(sector, first, leaves);
        }
        self.levels[(leaves / BLOCK_LEAVES).ilog2() as usize][first / leaves]
    }
}

fn subtree_root(sector: &[u8], first: usize, leaves: usize) -> Hash {
    if leaves == 1 {
        return hash(&[&LEAF_PREFIX, &sector[first * SEGMENT_SIZE..(first + 1) * SEGMENT_SIZE]]);
    }
    let half = leaves / 2;
    hash(&[&NODE_PREFIX, &subtree_root(sector, first, half), &subtree_root(sector, first + half, half)])
}
