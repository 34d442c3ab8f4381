//! What a username, a password and a first name may look like.

use super::RpcError;

const USERNAME_CHARS_MIN: usize = 3;
const USERNAME_CHARS_MAX: usize = 32;
const FIRST_NAME_CHARS_MAX: usize = 64;
const PASSWORD_BYTES_MAX: usize = 1024;

pub(super) fn check_username(username: &str) -> Result<(), RpcError> {
    let mut chars = username.chars();
    let fits = (USERNAME_CHARS_MIN..=USERNAME_CHARS_MAX).contains(&username.len())
        && chars.next().is_some_and(|first| first.is_ascii_alphabetic())
        && chars.all(|char| char.is_ascii_alphanumeric() || char == '_');
    fits.then_some(()).ok_or(RpcError::UsernameInvalid)
}

pub(super) fn check_password(password: &str) -> Result<(), RpcError> {
    (1..=PASSWORD_BYTES_MAX)
        .contains(&password.len())
        .then_some(())
        .ok_or(RpcError::PasswordInvalid)
}

pub(super) fn check_first_name(name: &str) -> Result<(), RpcError> {
    let fits = !name.trim().is_empty()
        && name.chars().count() <= FIRST_NAME_CHARS_MAX
        && !name.chars().any(char::is_control);
    fits.then_some(()).ok_or(RpcError::FirstNameInvalid)
}
