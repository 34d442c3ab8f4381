//! RSA keys as PEM: PKCS#1 read and written, SPKI and unencrypted PKCS#8 read. Here a key is
//! its numbers, big-endian and unchecked; [`rsa`](super::rsa) makes keys of them.
//!
//! ```text
//! PKCS#1 public   SEQUENCE { n INTEGER, e INTEGER }
//! PKCS#1 private  SEQUENCE { 0, n, e, d, p, q, dp, dq, qinv }
//! SPKI            SEQUENCE { SEQUENCE { rsaEncryption, NULL }, BIT STRING { PKCS#1 public } }
//! PKCS#8          SEQUENCE { 0, SEQUENCE { rsaEncryption, NULL }, OCTET STRING { PKCS#1 private } }
//! ```

use crate::error::ConfigError;
use alloc::string::String;
use alloc::vec::Vec;
use pem_rfc7468::LineEnding;
use pkcs1::der::asn1::{AnyRef, BitStringRef, ObjectIdentifier, OctetStringRef, UintRef};
use pkcs1::der::{Decode, Encode, Error, Reader, SliceReader};
use pkcs1::{RsaPrivateKeyRef, RsaPublicKeyRef};
use zeroize::Zeroizing;

const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

/// A 2048-bit private key takes below 2 KiB of PEM; anything much longer is something else.
const PEM_LEN_MAX: usize = 16 * 1024;

const PKCS1_PUBLIC: &str = "RSA PUBLIC KEY";
const PKCS1_PRIVATE: &str = "RSA PRIVATE KEY";
const SPKI: &str = "PUBLIC KEY";
const PKCS8: &str = "PRIVATE KEY";

/// The numbers of a public key.
pub(super) struct PublicNumbers {
    pub modulus: Vec<u8>,
    pub exponent: Vec<u8>,
}

/// The numbers of a two-prime key from which the rest follows.
pub(super) struct PrivateNumbers {
    pub public: PublicNumbers,
    pub p: Zeroizing<Vec<u8>>,
    pub q: Zeroizing<Vec<u8>>,
}

/// All numbers of a PKCS#1 private key after the public ones.
pub(super) struct SecretNumbers {
    pub d: Zeroizing<[u8; 256]>,
    pub p: Zeroizing<[u8; 128]>,
    pub q: Zeroizing<[u8; 128]>,
    pub dp: Zeroizing<[u8; 128]>,
    pub dq: Zeroizing<[u8; 128]>,
    pub q_inverse: Zeroizing<[u8; 128]>,
}

pub(super) fn read_public(pem: &str) -> Result<PublicNumbers, ConfigError> {
    let (label, der) = decode_pem(pem)?;
    let inner = match label {
        PKCS1_PUBLIC => der.as_slice(),
        SPKI => unwrap_spki(&der).map_err(|_| ConfigError::RsaKey("not an RSA SPKI key"))?,
        _ => return Err(ConfigError::RsaKey("expected PUBLIC KEY or RSA PUBLIC KEY")),
    };
    let key = RsaPublicKeyRef::from_der(inner)
        .map_err(|_| ConfigError::RsaKey("not a PKCS#1 public key"))?;
    Ok(PublicNumbers {
        modulus: key.modulus.as_bytes().to_vec(),
        exponent: key.public_exponent.as_bytes().to_vec(),
    })
}

pub(super) fn read_private(pem: &str) -> Result<PrivateNumbers, ConfigError> {
    let (label, der) = decode_pem(pem)?;
    let inner = match label {
        PKCS1_PRIVATE => der.as_slice(),
        PKCS8 => unwrap_pkcs8(&der).map_err(|_| ConfigError::RsaKey("not an RSA PKCS#8 key"))?,
        _ => return Err(ConfigError::RsaKey("expected PRIVATE KEY or RSA PRIVATE KEY")),
    };
    let key = RsaPrivateKeyRef::from_der(inner)
        .map_err(|_| ConfigError::RsaKey("not a PKCS#1 private key"))?;
    if key.other_prime_infos.is_some() {
        return Err(ConfigError::RsaKey("keys of more than two primes are not supported"));
    }
    Ok(PrivateNumbers {
        public: PublicNumbers {
            modulus: key.modulus.as_bytes().to_vec(),
            exponent: key.public_exponent.as_bytes().to_vec(),
        },
        p: Zeroizing::new(key.prime1.as_bytes().to_vec()),
        q: Zeroizing::new(key.prime2.as_bytes().to_vec()),
    })
}

pub(super) fn write_public(numbers: &PublicNumbers) -> String {
    let der = || -> Result<Vec<u8>, Error> {
        let key = RsaPublicKeyRef {
            modulus: UintRef::new(&numbers.modulus)?,
            public_exponent: UintRef::new(&numbers.exponent)?,
        };
        key.to_der()
    };
    encode_pem(PKCS1_PUBLIC, &der().unwrap_or_default())
}

pub(super) fn write_private(public: &PublicNumbers, secret: &SecretNumbers) -> Zeroizing<String> {
    let der = || -> Result<Vec<u8>, Error> {
        let key = RsaPrivateKeyRef {
            modulus: UintRef::new(&public.modulus)?,
            public_exponent: UintRef::new(&public.exponent)?,
            private_exponent: UintRef::new(secret.d.as_slice())?,
            prime1: UintRef::new(secret.p.as_slice())?,
            prime2: UintRef::new(secret.q.as_slice())?,
            exponent1: UintRef::new(secret.dp.as_slice())?,
            exponent2: UintRef::new(secret.dq.as_slice())?,
            coefficient: UintRef::new(secret.q_inverse.as_slice())?,
            other_prime_infos: None,
        };
        key.to_der()
    };
    let der = Zeroizing::new(der().unwrap_or_default());
    Zeroizing::new(encode_pem(PKCS1_PRIVATE, &der))
}

fn decode_pem(pem: &str) -> Result<(&str, Zeroizing<Vec<u8>>), ConfigError> {
    if pem.len() > PEM_LEN_MAX {
        return Err(ConfigError::RsaKey("the text is too long for a key"));
    }
    let (label, der) = pem_rfc7468::decode_vec(pem.trim().as_bytes())
        .map_err(|_| ConfigError::RsaKey("not a PEM text"))?;
    Ok((label, Zeroizing::new(der)))
}

fn encode_pem(label: &'static str, der: &[u8]) -> String {
    pem_rfc7468::encode_string(label, LineEnding::LF, der).unwrap_or_default()
}

fn unwrap_spki(der: &[u8]) -> Result<&[u8], Error> {
    let mut reader = SliceReader::new(der)?;
    let key: BitStringRef<'_> = reader.sequence(|reader| {
        rsa_algorithm(reader)?;
        BitStringRef::decode(reader)
    })?;
    reader.finish()?;
    key.as_bytes().ok_or_else(|| pkcs1::der::Tag::BitString.value_error().into())
}

fn unwrap_pkcs8(der: &[u8]) -> Result<&[u8], Error> {
    let mut reader = SliceReader::new(der)?;
    let key: &OctetStringRef = reader.sequence(|reader| {
        u8::decode(reader)?;
        rsa_algorithm(reader)?;
        let key = <&OctetStringRef>::decode(reader)?;
        while !reader.is_finished() {
            AnyRef::decode(reader)?; // optional attributes and public key
        }
        Ok::<_, Error>(key)
    })?;
    reader.finish()?;
    Ok(key.as_bytes())
}

/// Reads an AlgorithmIdentifier that must be `rsaEncryption`.
fn rsa_algorithm<'a, R: Reader<'a>>(reader: &mut R) -> Result<(), Error> {
    let algorithm: ObjectIdentifier = reader.sequence(|reader| {
        let algorithm = ObjectIdentifier::decode(reader)?;
        while !reader.is_finished() {
            AnyRef::decode(reader)?; // NULL parameters
        }
        Ok::<_, Error>(algorithm)
    })?;
    if algorithm == RSA_ENCRYPTION {
        Ok(())
    } else {
        Err(pkcs1::der::Tag::ObjectIdentifier.value_error().into())
    }
}
