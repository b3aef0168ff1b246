//! Argon2id hashes in the PHC format.

use argon2::{
    ARGON2ID_IDENT, Algorithm, Argon2, Params, PasswordHash, Version,
    password_hash::phc::{Output, ParamsString, Salt},
};

use super::SaltBytes;

pub const HASH_BYTES: usize = 32;

pub type HashResult<T> = Result<T, argon2::password_hash::Error>;

pub fn hash(params: &Params, password: &[u8], salt: SaltBytes) -> HashResult<String> {
    let hash = PasswordHash {
        algorithm: ARGON2ID_IDENT,
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(params)?,
        salt: Some(Salt::new(&salt)?),
        hash: Some(compute(params, password, &salt, HASH_BYTES)?),
    };
    Ok(hash.to_string())
}

/// A stored hash. Its parameters may differ from the configured ones.
pub struct Stored {
    pub params: Params,
    salt: Salt,
    hash: Output,
}

impl Stored {
    pub fn parse(hash: &str) -> HashResult<Self> {
        let hash = PasswordHash::new(hash)?;
        let params = Params::try_from(&hash)?;
        if hash.algorithm != ARGON2ID_IDENT || hash.version != Some(Version::V0x13.into()) {
            return Err(argon2::password_hash::Error::Algorithm);
        }
        let (Some(salt), Some(hash)) = (hash.salt, hash.hash) else {
            return Err(argon2::password_hash::Error::EncodingInvalid);
        };
        Ok(Self { params, salt, hash })
    }

    pub fn is_of(&self, password: &[u8]) -> HashResult<bool> {
        let computed = compute(&self.params, password, &self.salt, self.hash.len())?;
        // `Output` compares in constant time.
        Ok(computed == self.hash)
    }

    /// Returns true if the hash was computed with `params`.
    pub fn has(&self, params: &Params) -> bool {
        let costs = |params: &Params| (params.m_cost(), params.t_cost(), params.p_cost());
        costs(&self.params) == costs(params) && self.hash.len() == HASH_BYTES
    }
}

/// Returns the work of one hash: its memory in KiB, multiplied by its passes.
pub fn work(params: &Params) -> u64 {
    u64::from(params.m_cost()) * u64::from(params.t_cost())
}

/// Computes a hash of about `work` and discards it. It uses no more memory than `params` allow.
pub fn spend(params: &Params, work: u64) -> HashResult<()> {
    let passes = work.div_ceil(u64::from(params.m_cost())).max(1);
    let kib = u32::try_from(work / passes).unwrap_or(u32::MAX);
    let passes = u32::try_from(passes).unwrap_or(u32::MAX);
    if kib < Params::MIN_M_COST {
        return Ok(());
    }
    compute(&Params::new(kib, passes, 1, Some(HASH_BYTES))?, b"", &SaltBytes::default(), HASH_BYTES).map(drop)
}

fn compute(params: &Params, password: &[u8], salt: &[u8], length: usize) -> HashResult<Output> {
    let mut out = [0; Output::MAX_LENGTH];
    let out = out.get_mut(..length).ok_or(argon2::password_hash::Error::OutputSize)?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
    argon2.hash_password_into(password, salt, out)?;
    Ok(Output::new(out)?)
}
