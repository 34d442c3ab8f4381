//! Powers of a generator that stays the same, by a comb over the exponent.
//!
//! ```text
//! exponent   TEETH rows of ROW_BITS, each of PARTS parts of PART_BITS
//! tables     for each part the products of any of base^(2^(ROW_BITS * tooth + PART_BITS * part))
//! power      from the highest bit of the parts down: square, then for each part times the entry that
//!            this bit of all teeth names
//! ```
//!
//! Source: C. H. Lim, P. J. Lee, "More flexible exponentiation with precomputation", 1994.
//!
//! Security: every entry is read at every step, and the mask that keeps one of them is no branch.

use alloc::vec::Vec;
use core::hint::black_box;
use crypto_bigint::modular::{FixedMontyForm, FixedMontyParams};
use crypto_bigint::{U2048, Word};
use zeroize::{Zeroize, Zeroizing};

const TEETH: u32 = 6;
const PARTS: u32 = 8;
const PART_BITS: u32 = U2048::BITS.div_ceil(TEETH * PARTS);
const ROW_BITS: u32 = PARTS * PART_BITS;

/// Words of an entry that are looked at together, in registers.
const READ_WORDS: usize = 8;

type Form = FixedMontyForm<{ U2048::LIMBS }>;
type Params = FixedMontyParams<{ U2048::LIMBS }>;
type Words = [Word; U2048::LIMBS];

/// The tables of one base, 128 KiB of numbers that everybody knows.
pub(super) struct Comb {
    parts: Vec<Vec<Words>>,
}

impl Comb {
    pub(super) fn new(base: &U2048, params: &Params) -> Self {
        // base^(2^(PART_BITS * n)): the tooth t of part p is number PARTS * t + p.
        let mut powers = Vec::new();
        let mut power = Form::new(base, params);
        for _ in 0..TEETH * PARTS {
            powers.push(power);
            for _ in 0..PART_BITS {
                power = power.square();
            }
        }
        let parts = usize::try_from(PARTS).unwrap_or(1);
        let table = |part| {
            let mut table = Vec::from([Form::one(params)]);
            for tooth in powers.iter().skip(part).step_by(parts) {
                table.extend_from_within(..);
                let with_tooth = table.len() / 2;
                table.iter_mut().skip(with_tooth).for_each(|entry| *entry = entry.mul(tooth));
            }
            table.iter().map(|entry| entry.as_montgomery().to_words()).collect()
        };
        Self { parts: (0..parts).map(table).collect() }
    }

    /// `base^exponent`; `params` are those of [`Self::new`].
    pub(super) fn power(&self, exponent: &U2048, params: &Params) -> Zeroizing<U2048> {
        let mut power = Form::one(params);
        let mut words = Zeroizing::new([0; U2048::LIMBS]);
        for bit in (0..PART_BITS).rev() {
            power = power.square();
            for (part, table) in (0..PARTS).zip(&self.parts) {
                let first = PART_BITS.wrapping_mul(part).wrapping_add(bit);
                read(table, name(exponent, first), &mut words);
                power = power.mul(&Form::from_montgomery(U2048::from_words(*words), params));
            }
        }
        let result = Zeroizing::new(power.retrieve());
        power.zeroize();
        result
    }
}

/// One bit of each tooth.
fn name(exponent: &U2048, first: u32) -> Word {
    (0..TEETH).fold(0, |name, tooth| {
        let bit = exponent.bit_vartime(ROW_BITS.wrapping_mul(tooth).wrapping_add(first));
        name | Word::from(bit) << tooth
    })
}

/// The entry of this name. All are read.
fn read(table: &[Words], name: Word, entry: &mut Words) {
    for (place, words) in entry.as_chunks_mut::<READ_WORDS>().0.iter_mut().enumerate() {
        let mut chosen = [0; READ_WORDS];
        for (index, entry) in (0..).zip(table) {
            let other: Word = index ^ name;
            // All ones for 0, else 0.
            let mask = (!other & other.wrapping_sub(1)) >> (Word::BITS - 1);
            let mask = black_box(mask.wrapping_neg());
            let (places, _) = entry.as_chunks::<READ_WORDS>();
            let from = places.get(place).unwrap_or(&[0; READ_WORDS]);
            chosen.iter_mut().zip(from).for_each(|(to, from)| *to |= from & mask);
        }
        *words = chosen;
        chosen.zeroize();
    }
}
