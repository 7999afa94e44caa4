//! Range proofs of a sector: the roots of the largest subtrees beside the range, from left to right. The crate verifies them and does
//! not export how to build them.
use super::hash;
use sia_core::rhp4::{LEAVES_PER_SECTOR, SEGMENT_SIZE};
use sia_core::types::Hash256;

const LEAF_PREFIX: [u8; 1] = [0];
const NODE_PREFIX: [u8; 1] = [1];

/// For the leaves `start..end` of a whole sector.
pub fn range_proof(sector: &[u8], start: usize, end: usize) -> Vec<Hash256> {
    let mut proof = Vec::new();
    collect(sector, 0, LEAVES_PER_SECTOR, start, end, &mut proof);
    proof
}

fn collect(sector: &[u8], first: usize, leaves: usize, start: usize, end: usize, proof: &mut Vec<Hash256>) {
    let last = first + leaves;
    let is_inside = start <= first && last <= end;
    let is_beside = last <= start || end <= first;
    if is_beside {
        proof.push(subtree_root(sector, first, leaves).into());
    } else if !is_inside {
        let half = leaves / 2;
        collect(sector, first, half, start, end, proof);
        collect(sector, first + half, half, start, end, proof);
    }
}

fn subtree_root(sector: &[u8], first: usize, leaves: usize) -> [u8; 32] {
    if leaves == 1 {
        return hash(&[&LEAF_PREFIX, &sector[first * SEGMENT_SIZE..(first + 1) * SEGMENT_SIZE]]);
    }
    let half = leaves / 2;
    hash(&[&NODE_PREFIX, &subtree_root(sector, first, half), &subtree_root(sector, first + half, half)])
}
