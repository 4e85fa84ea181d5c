//! One-time passwords: the way in before Kerberos works.

use crate::store::{Millis, Store, StoreError};
use argon2::Argon2;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use zeroize::Zeroizing;

/// How long one can be used.
pub const LIFETIME_MS: Millis = 24 * 60 * 60 * 1000;
/// Without letters that look alike.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
const ID: usize = 5;
const LENGTH: usize = 25;

/// Makes one and stores its hash. The first five letters are its public id, the other twenty are secret.
///
/// # Errors
/// The database failed.
pub async fn make(store: &Store, at: Millis) -> Result<Zeroizing<String>, StoreError> {
    let mut bytes = Zeroizing::new([0_u8; LENGTH + 16]);
    getrandom::fill(bytes.as_mut()).expect("the system gives random bytes");
    let (letters, salt) = bytes.split_at(LENGTH);
    let plain: Zeroizing<String> =
        Zeroizing::new(letters.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect());
    let salt = SaltString::encode_b64(salt).expect("16 bytes are a salt");
    let hash = Argon2::default()
        .hash_password(&plain.as_bytes()[ID..], &salt)
        .expect("argon2's default parameters are good")
        .to_string();
    store.add_one_time_password(at, &plain[..ID], &hash, at + LIFETIME_MS).await?;
    let mut shown = Zeroizing::new(String::with_capacity(LENGTH + 4));
    for (index, letter) in plain.chars().enumerate() {
        if index > 0 && index % ID == 0 {
            shown.push('-');
        }
        shown.push(letter);
    }
    Ok(shown)
}

/// True when this is one that is good; it is used up then.
///
/// # Errors
/// The database failed.
pub async fn redeem(store: &Store, at: Millis, typed: &str) -> Result<bool, StoreError> {
    let plain: Zeroizing<String> = Zeroizing::new(
        typed
            .chars()
            .filter(|letter| letter.is_ascii_alphanumeric())
            .map(|c| c.to_ascii_lowercase())
            .collect(),
    );
    if plain.len() != LENGTH {
        return Ok(false);
    }
    let id = plain[..ID].to_owned();
    let Some(hash) = store.one_time_password(at, &id).await? else { return Ok(false) };
    let good = tokio::task::spawn_blocking(move || {
        let hash = PasswordHash::new(&hash).map_err(|_| StoreError::Damaged("one_time_password"))?;
        Ok::<_, StoreError>(Argon2::default().verify_password(&plain.as_bytes()[ID..], &hash).is_ok())
    })
    .await
    .unwrap_or(Ok(false))?;
    Ok(good && store.use_one_time_password(&id).await?)
}
