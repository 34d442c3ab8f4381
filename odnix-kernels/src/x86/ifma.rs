//! Eight numbers at once, one in each lane, by the multiply-add of 52 bits (AVX-512 IFMA).
//!
//! A number is [`Row`]s of limbs of 52 bits, least first; a row has that limb of all eight. Products
//! are added up in columns of 64 bits, which have room for the 160 terms of 52 bits that come
//! together, so carries move only when digits are needed.
//!
//! A reduction takes [`BLOCK`] limbs at a time. All blocks but the last add a multiple of
//! `n * k`, where `n * k = -1 mod 2^520`: the multiple is then the digits themselves, and what is
//! added above them is `digits * (n * k + 1) / 2^520`, as long as `n`. The last block adds a multiple
//! of `n`, so that the result is small again. With `R = 2^(52 * LIMBS)` and both factors below
//! `3n` a product is below `2n + 9n * n / R + n / 2^500 < 3n`: nothing is subtracted before the end.
//! Source: P. L. Montgomery, "Modular multiplication without trial division", 1985; C. D. Walter,
//! "Montgomery exponentiation needs no final subtractions", 1999.
//!
//! Nothing branches on a number and no address depends on one.

pub(crate) mod comb;
mod modulus;
mod power;

use core::arch::x86_64::{
    __m512i, _mm512_add_epi64, _mm512_and_si512, _mm512_load_si512, _mm512_madd52hi_epu64,
    _mm512_madd52lo_epu64, _mm512_set1_epi64, _mm512_setzero_si512, _mm512_slli_epi64,
    _mm512_srai_epi64, _mm512_srli_epi64, _mm512_store_si512, _mm512_sub_epi64,
    _mm512_ternarylogic_epi64,
};
pub(crate) use modulus::{Modulus, Prepared};
use modulus::{bits, to_words};
pub(crate) use power::{power, public_power};
use zeroize::{DefaultIsZeroes, Zeroize};

/// Numbers side by side.
pub(crate) const LANES: usize = 8;

/// Limbs that are reduced at once, and that a product keeps in registers.
pub(crate) const BLOCK: usize = 10;

const LIMB_BITS: u32 = 52;
const LIMB_MASK: u64 = (1 << LIMB_BITS) - 1;

/// One limb of each number.
#[derive(Clone, Copy, Default)]
#[repr(C, align(64))]
pub(crate) struct Row(pub(crate) [u64; LANES]);

impl Row {
    pub(crate) const ZERO: Self = Self([0; LANES]);

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn load(&self) -> __m512i {
        // SAFETY: the reference is to 64 bytes that are aligned as the load wants it.
        #[expect(unsafe_code, reason = "a load of a whole row")]
        unsafe {
            _mm512_load_si512(core::ptr::from_ref(self).cast())
        }
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn store(&mut self, value: __m512i) {
        // SAFETY: the reference is to 64 aligned bytes nobody else refers to.
        #[expect(unsafe_code, reason = "a store of a whole row")]
        unsafe {
            _mm512_store_si512(core::ptr::from_mut(self).cast(), value);
        }
    }
}

impl DefaultIsZeroes for Row {}

/// Eight numbers.
pub(crate) type Number<const LIMBS: usize> = [Row; LIMBS];

/// Room to work in. Wiped on drop.
pub(crate) struct Columns<const LIMBS: usize> {
    /// Those of a product, two for each limb.
    columns: [[Row; 2]; LIMBS],
    /// Twice a number.
    doubled: Number<LIMBS>,
}

impl<const LIMBS: usize> Columns<LIMBS> {
    pub(crate) fn new() -> Self {
        Self { columns: [[Row::ZERO; 2]; LIMBS], doubled: [Row::ZERO; LIMBS] }
    }
}

impl<const LIMBS: usize> Drop for Columns<LIMBS> {
    fn drop(&mut self) {
        self.columns.as_flattened_mut().zeroize();
        self.doubled.zeroize();
    }
}

/// `columns[i + j] += low(a[i] * b[j])` and `columns[i + j + 1] += high(a[i] * b[j])`. The columns
/// that still change are in registers and move down by one for each limb of `a`.
///
/// Not inlined: in a reduction the columns of one call are the digits of the next, and rustc 1.95
/// carries the promise that both are apart from one call over to the next, where it does not hold.
#[inline(never)]
#[target_feature(enable = "avx512f,avx512ifma")]
fn accumulate(columns: &mut [Row], a: &[Row], b: &[Row; BLOCK]) {
    let columns = &mut columns[..a.len() + BLOCK];
    let [b0, b1, b2, b3, b4, b5, b6, b7, b8, b9] = b;
    let factors = [
        b0.load(),
        b1.load(),
        b2.load(),
        b3.load(),
        b4.load(),
        b5.load(),
        b6.load(),
        b7.load(),
        b8.load(),
        b9.load(),
    ];
    let mask = _mm512_set1_epi64(LIMB_MASK.cast_signed());
    let mut carried = _mm512_setzero_si512();
    let mut window = [
        columns[0].load(),
        columns[1].load(),
        columns[2].load(),
        columns[3].load(),
        columns[4].load(),
        columns[5].load(),
        columns[6].load(),
        columns[7].load(),
        columns[8].load(),
        columns[9].load(),
        _mm512_setzero_si512(),
    ];
    for i in 0..a.len() {
        let limb = a[i].load();
        window[BLOCK] = columns[i + BLOCK].load();
        for j in 0..BLOCK {
            window[j] = _mm512_madd52lo_epu64(window[j], limb, factors[j]);
        }
        for j in 0..BLOCK {
            window[j + 1] = _mm512_madd52hi_epu64(window[j + 1], limb, factors[j]);
        }
        // What leaves the window is a digit: nothing else comes to this column.
        let sum = _mm512_add_epi64(window[0], carried);
        columns[i].store(_mm512_and_si512(sum, mask));
        carried = _mm512_srli_epi64::<LIMB_BITS>(sum);
        // Written out, the window is registers; a loop here makes it memory.
        let [_, w1, w2, w3, w4, w5, w6, w7, w8, w9, w10] = window;
        window = [w1, w2, w3, w4, w5, w6, w7, w8, w9, w10, _mm512_setzero_si512()];
    }
    window[0] = _mm512_add_epi64(window[0], carried);
    for j in 0..BLOCK {
        columns[a.len() + j].store(window[j]);
    }
}

/// The columns of `a^2`. Written out, the sums are registers; loops here make them memory.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn square_block(columns: &mut [Row; 2 * BLOCK], a: &[Row; BLOCK]) {
    let mut sums = [_mm512_setzero_si512(); 2 * BLOCK];
    macro_rules! products {
        ($($i:literal: $($j:literal)*;)*) => { $(
            let limb = a[$i].load();
            $( sums[$i + $j] = _mm512_madd52lo_epu64(sums[$i + $j], limb, a[$j].load()); )*
            $( sums[$i + $j + 1] = _mm512_madd52hi_epu64(sums[$i + $j + 1], limb, a[$j].load()); )*
        )* };
    }
    macro_rules! finish {
        ($($i:literal)*) => { $(
            let limb = a[$i].load();
            let twice = _mm512_slli_epi64::<1>(sums[2 * $i]);
            columns[2 * $i].store(_mm512_madd52lo_epu64(twice, limb, limb));
            let twice = _mm512_slli_epi64::<1>(sums[2 * $i + 1]);
            columns[2 * $i + 1].store(_mm512_madd52hi_epu64(twice, limb, limb));
        )* };
    }
    // Each pair once, all of them twice, and the squares.
    products! {
        0: 1 2 3 4 5 6 7 8 9;
        1: 2 3 4 5 6 7 8 9;
        2: 3 4 5 6 7 8 9;
        3: 4 5 6 7 8 9;
        4: 5 6 7 8 9;
        5: 6 7 8 9;
        6: 7 8 9;
        7: 8 9;
        8: 9;
    }
    finish!(0 1 2 3 4 5 6 7 8 9);
}

/// The blocks of a number.
fn blocks(number: &[Row]) -> &[[Row; BLOCK]] {
    number.as_chunks().0
}

/// `result = a * b / R mod n`, below `3n` if both are.
#[target_feature(enable = "avx512f,avx512ifma")]
pub(crate) fn multiply<const LIMBS: usize>(
    modulus: &Modulus<LIMBS>,
    work: &mut Columns<LIMBS>,
    a: &Number<LIMBS>,
    b: &Number<LIMBS>,
    result: &mut Number<LIMBS>,
) {
    let columns = work.columns.as_flattened_mut();
    columns.fill(Row::ZERO);
    for (index, block) in blocks(b).iter().enumerate() {
        accumulate(&mut columns[index * BLOCK..], a, block);
    }
    reduce(modulus, columns, result);
}

/// `number = number^2 / R mod n`.
#[target_feature(enable = "avx512f,avx512ifma")]
pub(crate) fn square<const LIMBS: usize>(
    modulus: &Modulus<LIMBS>,
    work: &mut Columns<LIMBS>,
    number: &mut Number<LIMBS>,
) {
    let Columns { columns, doubled } = work;
    let columns = columns.as_flattened_mut();
    let (squares, _) = columns.as_chunks_mut();
    for (columns, block) in squares.iter_mut().zip(blocks(number)) {
        square_block(columns, block);
    }
    take_digits(columns);
    double(number, doubled);
    let mask = _mm512_set1_epi64(LIMB_MASK.cast_signed());
    for (index, block) in blocks(number).iter().enumerate() {
        let (start, end) = (index * BLOCK, (index + 1) * BLOCK);
        let Some(above) = number.get(end) else { break };
        // Twice what is above the block: no bit of the block moves into it.
        doubled[end].store(_mm512_and_si512(_mm512_slli_epi64::<1>(above.load()), mask));
        accumulate(&mut columns[start + end..], &doubled[end..], block);
    }
    reduce(modulus, columns, number);
}

/// `2 * number`, which fits.
#[inline]
#[target_feature(enable = "avx512f")]
fn double<const LIMBS: usize>(number: &Number<LIMBS>, doubled: &mut Number<LIMBS>) {
    let mask = _mm512_set1_epi64(LIMB_MASK.cast_signed());
    let mut below = _mm512_setzero_si512();
    for (twice, limb) in doubled.iter_mut().zip(number) {
        let limb = limb.load();
        let moved = _mm512_srli_epi64::<{ LIMB_BITS - 1 }>(below);
        // moved | limb << 1 & mask
        twice.store(_mm512_ternarylogic_epi64::<0xf8>(moved, _mm512_slli_epi64::<1>(limb), mask));
        below = limb;
    }
}

/// `result = number / R mod n`, below `3n`; number has up to `2 * LIMBS` limbs.
#[target_feature(enable = "avx512f,avx512ifma")]
pub(crate) fn reduce_wide<const LIMBS: usize>(
    modulus: &Modulus<LIMBS>,
    work: &mut Columns<LIMBS>,
    number: &[Row],
    result: &mut Number<LIMBS>,
) {
    let columns = work.columns.as_flattened_mut();
    columns.fill(Row::ZERO);
    columns[..number.len()].copy_from_slice(number);
    reduce(modulus, columns, result);
}

/// Montgomery forms of numbers of any size.
#[target_feature(enable = "avx512f,avx512ifma")]
pub(crate) fn load<const LIMBS: usize>(
    modulus: &Modulus<LIMBS>,
    numbers: [&[u64; 32]; LANES],
    result: &mut Number<LIMBS>,
) {
    // 2048 bits in 40 limbs: twice a small modulus, of a large one its own size.
    let mut wide = [Row::ZERO; 40];
    for (index, row) in wide.iter_mut().enumerate() {
        *row = Row(numbers.map(|words| bits(words, index * LIMB_BITS as usize, LIMB_BITS)));
    }
    let mut work = Columns::new();
    let mut reduced = [Row::ZERO; LIMBS];
    reduce_wide(modulus, &mut work, &wide, &mut reduced);
    multiply(modulus, &mut work, &reduced, &modulus.cube, result);
    wide.zeroize();
    reduced.zeroize();
}

/// The reverse, below the modulus.
#[target_feature(enable = "avx512f,avx512ifma")]
pub(crate) fn store<const LIMBS: usize, const WORDS: usize>(
    modulus: &Modulus<LIMBS>,
    number: &Number<LIMBS>,
    numbers: &mut [[u64; WORDS]; LANES],
) {
    let mut plain = [Row::ZERO; LIMBS];
    reduce_wide(modulus, &mut Columns::new(), number, &mut plain);
    subtract_modulus(modulus, &mut plain);
    subtract_modulus(modulus, &mut plain);
    let mut limbs = [0; LIMBS];
    for (lane, words) in numbers.iter_mut().enumerate() {
        for (limb, row) in limbs.iter_mut().zip(&plain) {
            *limb = row.0[lane];
        }
        to_words(&limbs, words);
    }
    limbs.zeroize();
    plain.zeroize();
}

/// `result = columns / R mod n`
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn reduce<const LIMBS: usize>(
    modulus: &Modulus<LIMBS>,
    columns: &mut [Row],
    result: &mut Number<LIMBS>,
) {
    let mut rest = columns;
    for _ in 0..LIMBS / BLOCK - 1 {
        let (digits, above) = split(rest);
        accumulate(above, &modulus.folded, digits);
        rest = above;
    }
    let mut quotient = multiply_low(split(rest).0, &modulus.inverse);
    accumulate(rest, &modulus.modulus, &quotient);
    quotient.zeroize();
    let (done, last) = split(rest).1.split_at(LIMBS - BLOCK);
    result[..LIMBS - BLOCK].copy_from_slice(done);
    carry(last, &mut result[LIMBS - BLOCK..]);
}

/// The lowest columns, and what is above.
fn split(columns: &mut [Row]) -> (&mut [Row; BLOCK], &mut [Row]) {
    columns.split_first_chunk_mut().expect("every caller has a block")
}

/// The lowest columns become digits; what is too much goes up.
#[inline]
#[target_feature(enable = "avx512f")]
fn take_digits(columns: &mut [Row]) {
    let (digits, above) = split(columns);
    let mask = _mm512_set1_epi64(LIMB_MASK.cast_signed());
    let mut carried = _mm512_setzero_si512();
    for digit in digits {
        let sum = _mm512_add_epi64(digit.load(), carried);
        digit.store(_mm512_and_si512(sum, mask));
        carried = _mm512_srli_epi64::<LIMB_BITS>(sum);
    }
    above[0].store(_mm512_add_epi64(above[0].load(), carried));
}

/// All columns become digits; they fit.
#[inline]
#[target_feature(enable = "avx512f")]
fn carry(columns: &[Row], result: &mut [Row]) {
    let mask = _mm512_set1_epi64(LIMB_MASK.cast_signed());
    let mut carried = _mm512_setzero_si512();
    for (digit, column) in result.iter_mut().zip(columns) {
        let sum = _mm512_add_epi64(column.load(), carried);
        digit.store(_mm512_and_si512(sum, mask));
        carried = _mm512_srli_epi64::<LIMB_BITS>(sum);
    }
}

/// `a * b mod 2^520`
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn multiply_low(a: &[Row; BLOCK], b: &[Row; BLOCK]) -> [Row; BLOCK] {
    let mut sums = [_mm512_setzero_si512(); BLOCK];
    let mut columns = [Row::ZERO; BLOCK];
    macro_rules! store {
        ($($i:literal)*) => { $( columns[$i].store(sums[$i]); )* };
    }
    macro_rules! products {
        ($($i:literal: $($low:literal)* | $($high:literal)*;)*) => { $(
            let limb = a[$i].load();
            $( sums[$i + $low] = _mm512_madd52lo_epu64(sums[$i + $low], limb, b[$low].load()); )*
            $( sums[$i + $high + 1] =
                _mm512_madd52hi_epu64(sums[$i + $high + 1], limb, b[$high].load()); )*
        )* };
    }
    products! {
        0: 0 1 2 3 4 5 6 7 8 9 | 0 1 2 3 4 5 6 7 8;
        1: 0 1 2 3 4 5 6 7 8 | 0 1 2 3 4 5 6 7;
        2: 0 1 2 3 4 5 6 7 | 0 1 2 3 4 5 6;
        3: 0 1 2 3 4 5 6 | 0 1 2 3 4 5;
        4: 0 1 2 3 4 5 | 0 1 2 3 4;
        5: 0 1 2 3 4 | 0 1 2 3;
        6: 0 1 2 3 | 0 1 2;
        7: 0 1 2 | 0 1;
        8: 0 1 | 0;
        9: 0 |;
    }
    store!(0 1 2 3 4 5 6 7 8 9);
    let mut digits = [Row::ZERO; BLOCK];
    carry(&columns, &mut digits);
    digits
}

/// `a - b + 3n`, not reduced: below `6n`, for a product that follows with a factor below `3n`.
#[target_feature(enable = "avx512f")]
pub(crate) fn subtract<const LIMBS: usize>(
    modulus: &Modulus<LIMBS>,
    a: &Number<LIMBS>,
    b: &Number<LIMBS>,
    result: &mut Number<LIMBS>,
) {
    let mask = _mm512_set1_epi64(LIMB_MASK.cast_signed());
    let mut carried = _mm512_setzero_si512();
    for (((digit, a), b), n) in result.iter_mut().zip(a).zip(b).zip(&modulus.modulus) {
        let n = n.load();
        let thrice = _mm512_add_epi64(n, _mm512_add_epi64(n, n));
        let difference = _mm512_sub_epi64(a.load(), b.load());
        let sum = _mm512_add_epi64(_mm512_add_epi64(difference, thrice), carried);
        digit.store(_mm512_and_si512(sum, mask));
        carried = _mm512_srai_epi64::<LIMB_BITS>(sum);
    }
}

/// Takes `n` off where the number is not below it.
#[target_feature(enable = "avx512f")]
pub(crate) fn subtract_modulus<const LIMBS: usize>(
    modulus: &Modulus<LIMBS>,
    number: &mut Number<LIMBS>,
) {
    let mask = _mm512_set1_epi64(LIMB_MASK.cast_signed());
    let mut difference = [Row::ZERO; LIMBS];
    let mut borrowed = _mm512_setzero_si512();
    for ((digit, a), n) in difference.iter_mut().zip(&*number).zip(&modulus.modulus) {
        let sum = _mm512_add_epi64(_mm512_sub_epi64(a.load(), n.load()), borrowed);
        digit.store(_mm512_and_si512(sum, mask));
        borrowed = _mm512_srai_epi64::<LIMB_BITS>(sum);
    }
    // All ones where it was below, else zero: which of the two is taken, bit by bit.
    for (a, less) in number.iter_mut().zip(&difference) {
        let chosen = _mm512_ternarylogic_epi64::<0xca>(borrowed, a.load(), less.load());
        a.store(chosen);
    }
    difference.zeroize();
}
