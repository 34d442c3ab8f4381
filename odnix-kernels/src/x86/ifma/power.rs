//! Powers by windows of the exponent.

use super::modulus::{Modulus, bits};
use super::{Columns, LANES, Number, Row, multiply, square};
use alloc::vec;
use core::arch::x86_64::{
    _mm512_cmpeq_epi64_mask, _mm512_maskz_set1_epi64, _mm512_set1_epi64, _mm512_setzero_si512,
    _mm512_ternarylogic_epi64,
};
use zeroize::{Zeroize, Zeroizing};

const WINDOW_BITS: u32 = 5;

/// Limbs that a reading of the table has in registers.
const READ: usize = super::BLOCK;

/// `base^exponent` in each lane, base and power in Montgomery form. Every entry of the table is
/// read at every step.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(crate) fn power<const LIMBS: usize>(
    modulus: &Modulus<LIMBS>,
    base: &Number<LIMBS>,
    exponents: [&[u64]; LANES],
    result: &mut Number<LIMBS>,
) {
    let mut work = Columns::new();
    let mut table = Zeroizing::new(vec![[Row::ZERO; LIMBS]; 1 << WINDOW_BITS]);
    fill(modulus, &mut work, base, &mut table);
    let words = exponents.iter().map(|exponent| exponent.len()).max().unwrap_or(0);
    let windows = (words * 64).div_ceil(WINDOW_BITS as usize);
    let mut factor = [Row::ZERO; LIMBS];
    let mut before = [Row::ZERO; LIMBS];
    *result = modulus.one;
    for window in (0..windows).rev() {
        let start = window * WINDOW_BITS as usize;
        if window + 1 < windows {
            for _ in 0..WINDOW_BITS {
                square(modulus, &mut work, result);
            }
        }
        let digits = Row(exponents.map(|exponent| bits(exponent, start, WINDOW_BITS)));
        read(&table, &digits, &mut factor);
        before = *result;
        multiply(modulus, &mut work, &before, &factor, result);
    }
    factor.zeroize();
    before.zeroize();
}

#[target_feature(enable = "avx512f,avx512ifma")]
fn fill<const LIMBS: usize>(
    modulus: &Modulus<LIMBS>,
    work: &mut Columns<LIMBS>,
    base: &Number<LIMBS>,
    table: &mut [Number<LIMBS>],
) {
    table[0] = modulus.one;
    table[1] = *base;
    for index in 2..table.len() {
        let (known, rest) = table.split_at_mut(index);
        if index % 2 == 0 {
            rest[0] = known[index / 2];
            square(modulus, work, &mut rest[0]);
        } else {
            multiply(modulus, work, &known[index - 1], &known[1], &mut rest[0]);
        }
    }
}

/// The entry that each lane's digit names. All are read.
#[target_feature(enable = "avx512f,avx512dq")]
fn read<const LIMBS: usize>(table: &[Number<LIMBS>], digits: &Row, entry: &mut Number<LIMBS>) {
    let digits = digits.load();
    for (block, entry) in entry.as_chunks_mut::<READ>().0.iter_mut().enumerate() {
        let mut chosen = [_mm512_setzero_si512(); READ];
        for (index, number) in (0..).zip(table) {
            let here = _mm512_cmpeq_epi64_mask(digits, _mm512_set1_epi64(index));
            let mask = _mm512_maskz_set1_epi64(here, -1);
            let limbs = &number.as_chunks::<READ>().0[block];
            for limb in 0..READ {
                // chosen | mask & limb
                chosen[limb] =
                    _mm512_ternarylogic_epi64::<0xf8>(chosen[limb], mask, limbs[limb].load());
            }
        }
        for limb in 0..READ {
            entry[limb].store(chosen[limb]);
        }
    }
}

/// The same for one exponent that everybody knows.
#[target_feature(enable = "avx512f,avx512ifma")]
pub(crate) fn public_power<const LIMBS: usize>(
    modulus: &Modulus<LIMBS>,
    base: &Number<LIMBS>,
    exponent: u64,
    result: &mut Number<LIMBS>,
) {
    let mut work = Columns::new();
    let mut before = [Row::ZERO; LIMBS];
    *result = modulus.one;
    for bit in (0..64 - exponent.leading_zeros()).rev() {
        square(modulus, &mut work, result);
        if exponent >> bit & 1 == 1 {
            before = *result;
            multiply(modulus, &mut work, &before, base, result);
        }
    }
    before.zeroize();
}
