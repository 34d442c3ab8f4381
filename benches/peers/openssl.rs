//! OpenSSL's share of a key exchange: what a server computes with its RSA key and its exponent.

use odnix_proto::crypto::dh::USUAL_PRIME;
use openssl::bn::{BigNum, BigNumContext};
use openssl::error::ErrorStack;
use openssl::pkey::Private;
use openssl::rsa::{Padding, Rsa};

pub struct Exchange {
    rsa: Rsa<Private>,
    prime: BigNum,
    generator: BigNum,
    theirs: BigNum,
    exponent: BigNum,
    context: BigNumContext,
    block: [u8; 256],
}

impl Exchange {
    /// `pem` is an RSA key of 2048 bits.
    pub fn new(pem: &str) -> Result<Self, ErrorStack> {
        let prime = BigNum::from_slice(&USUAL_PRIME)?;
        let mut exponent = BigNum::from_slice(&[0x5a; 256])?;
        exponent.set_const_time();
        let mut block = [0x11; 256];
        block[0] = 0; // below the modulus
        Ok(Self {
            rsa: Rsa::private_key_from_pem(pem.as_bytes())?,
            prime,
            generator: BigNum::from_u32(3)?,
            theirs: BigNum::from_slice(&[0x33; 256])?,
            exponent,
            context: BigNumContext::new()?,
            block,
        })
    }

    /// One RSA private operation, `g^a`, and `g_b^a`, all of them in constant time.
    pub fn serve(&mut self) -> Result<[BigNum; 2], ErrorStack> {
        let mut plain = [0; 256];
        self.rsa.private_decrypt(&self.block, &mut plain, Padding::NONE)?;
        std::hint::black_box(plain);
        Ok([self.power(false)?, self.power(true)?])
    }

    fn power(&mut self, of_theirs: bool) -> Result<BigNum, ErrorStack> {
        let base = if of_theirs { &self.theirs } else { &self.generator };
        let mut power = BigNum::new()?;
        power.mod_exp(base, &self.exponent, &self.prime, &mut self.context)?;
        Ok(power)
    }
}
