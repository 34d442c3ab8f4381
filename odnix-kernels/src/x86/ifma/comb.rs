//! Powers of a base that stays the same, by a comb over the exponent (Lim and Lee, "More flexible
//! exponentiation with precomputation", 1994).
//!
//! The exponent is cut into [`TEETH`] rows of `ROW_BITS`, and each row into [`PARTS`] parts of
//! `PART_BITS`. One bit of each tooth together name an entry of the part's table, and all tables share
//! the squarings.

use super::modulus::{Modulus, bits};
use super::{Columns, LANES, Number, Row, multiply, square};
use alloc::vec::Vec;
use core::arch::x86_64::{
    _mm512_cmpeq_epi64_mask, _mm512_mask_permutexvar_epi64, _mm512_set1_epi64,
    _mm512_setzero_si512, _mm512_srli_epi64,
};
use zeroize::Zeroize;

const EXPONENT_BITS: usize = 2048;
pub(crate) const TEETH: usize = 8;
pub(crate) const PARTS: usize = 4;
const PART_BITS: usize = EXPONENT_BITS.div_ceil(TEETH * PARTS);
const ROW_BITS: usize = PART_BITS * PARTS;

/// Entries that lie side by side in the lanes of one number: the lowest three teeth.
const LANE_TEETH: usize = 3;
const GROUPS: usize = 1 << (TEETH - LANE_TEETH);

/// The tables of one base, which everybody may know.
pub(crate) struct Comb<const LIMBS: usize> {
    /// For each part the groups of eight entries.
    entries: Vec<Number<LIMBS>>,
}

impl<const LIMBS: usize> Comb<LIMBS> {
    /// All lanes have the same modulus, and the base, in Montgomery form.
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(crate) fn new(modulus: &Modulus<LIMBS>, base: &Number<LIMBS>) -> Self {
        let mut work = Columns::new();
        // base^(2^(PART_BITS * n)): the tooth i of part j is number i * PARTS + j.
        let mut powers = Vec::with_capacity(TEETH * PARTS);
        let mut power = *base;
        for _ in 0..TEETH * PARTS {
            powers.push(power);
            for _ in 0..PART_BITS {
                square(modulus, &mut work, &mut power);
            }
        }
        let mut entries = Vec::with_capacity(PARTS * GROUPS);
        for part in 0..PARTS {
            let tooth = |tooth: usize| &powers[tooth * PARTS + part];
            entries.push(first_group(modulus, &mut work, [tooth(0), tooth(1), tooth(2)]));
            for group in 1..GROUPS {
                let highest = group.ilog2();
                let below = entries[part * GROUPS + group - (1 << highest)];
                let mut entry = [Row::ZERO; LIMBS];
                let factor = tooth(LANE_TEETH + highest as usize);
                multiply(modulus, &mut work, &below, factor, &mut entry);
                entries.push(entry);
            }
        }
        Self { entries }
    }

    /// `base^exponent` in each lane, in Montgomery form. Every entry is read at every step.
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(crate) fn power(
        &self,
        modulus: &Modulus<LIMBS>,
        exponents: [&[u64]; LANES],
        result: &mut Number<LIMBS>,
    ) {
        let mut work = Columns::new();
        let mut factor = [Row::ZERO; LIMBS];
        let mut before = [Row::ZERO; LIMBS];
        *result = modulus.one;
        for step in (0..PART_BITS).rev() {
            if step + 1 < PART_BITS {
                square(modulus, &mut work, result);
            }
            for (part, table) in self.entries.chunks_exact(GROUPS).enumerate() {
                let first = part * PART_BITS + step;
                let names = Row(exponents.map(|exponent| name(exponent, first)));
                read(table, &names, &mut factor);
                before = *result;
                multiply(modulus, &mut work, &before, &factor, result);
            }
        }
        factor.zeroize();
        before.zeroize();
    }
}

/// The products of some of three numbers: lane `l` has those that the bits of `l` name.
#[target_feature(enable = "avx512f,avx512ifma")]
fn first_group<const LIMBS: usize>(
    modulus: &Modulus<LIMBS>,
    work: &mut Columns<LIMBS>,
    teeth: [&Number<LIMBS>; LANE_TEETH],
) -> Number<LIMBS> {
    let mut group = modulus.one;
    for (tooth, power) in teeth.into_iter().enumerate() {
        let mut factor = modulus.one;
        for (to, from) in factor.iter_mut().zip(power) {
            for lane in (0..LANES).filter(|lane| lane >> tooth & 1 == 1) {
                to.0[lane] = from.0[lane];
            }
        }
        let before = group;
        multiply(modulus, work, &before, &factor, &mut group);
    }
    group
}

/// One bit of each tooth.
fn name(exponent: &[u64], first: usize) -> u64 {
    (0..TEETH).map(|tooth| bits(exponent, tooth * ROW_BITS + first, 1) << tooth).sum()
}

/// The entry that each lane's name has. All are read: a permutation takes eight of them at once
/// from a register, and a mask the group.
#[target_feature(enable = "avx512f")]
fn read<const LIMBS: usize>(table: &[Number<LIMBS>], names: &Row, entry: &mut Number<LIMBS>) {
    const READ: usize = super::BLOCK;
    let names = names.load();
    let groups = _mm512_srli_epi64::<{ LANE_TEETH as u32 }>(names);
    for (block, entry) in entry.as_chunks_mut::<READ>().0.iter_mut().enumerate() {
        let mut chosen = [_mm512_setzero_si512(); READ];
        for (group, number) in (0..).zip(table) {
            let here = _mm512_cmpeq_epi64_mask(groups, _mm512_set1_epi64(group));
            let limbs = &number.as_chunks::<READ>().0[block];
            for limb in 0..READ {
                chosen[limb] =
                    _mm512_mask_permutexvar_epi64(chosen[limb], here, names, limbs[limb].load());
            }
        }
        for limb in 0..READ {
            entry[limb].store(chosen[limb]);
        }
    }
}
