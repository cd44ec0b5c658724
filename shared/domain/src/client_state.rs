//! The signature by which a notification proves that it belongs to a subscription of ours, without any read.
//!
//! Graph returns a subscription's `clientState` in every notification, in at most 128 characters (`subscription` page). Ours is
//! `v1.{key id}.{tenant and room}.{signature}`: who holds no key can neither make one nor bend one to another room or tenant.

use crate::ids::{RoomId, RoomRef, TenantId};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Longest `clientState`, in characters.
pub const LONGEST: usize = 128;
/// Shortest secret that a key is made of, in bytes.
pub const SHORTEST_SECRET: usize = 32;

const VERSION: &str = "v1";
/// Half of SHA-256's bytes, the least that RFC 2104 recommends.
const SIGNATURE_BYTES: usize = 16;
/// First byte of a room's reference: its id is a GUID in lower case, kept as 16 bytes.
const GUID: u8 = 0;
/// First byte of a room's reference: its id is some other text.
const TEXT: u8 = 1;

/// A key that signs and checks. No `Debug`.
#[derive(Clone)]
pub struct SigningKey {
    id: String,
    mac: Hmac<Sha256>,
}

impl SigningKey {
    /// The key of a secret; nothing if the secret is too short to be one.
    #[must_use]
    pub fn new(secret: &str) -> Option<Self> {
        if secret.len() < SHORTEST_SECRET {
            return None;
        }
        let digest = Sha256::digest([b"roomsync key id", secret.as_bytes()].concat());
        let id = BASE64.encode(&digest[..6]);
        let mac = Hmac::new_from_slice(secret.as_bytes()).ok()?;
        Some(Self { id, mac })
    }

    /// Tells keys apart; says nothing about the secret.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The `clientState` of a room's subscription; nothing if the room's id is too long to fit.
    #[must_use]
    pub fn sign(&self, room: &RoomRef) -> Option<String> {
        let signed = format!("{VERSION}.{}.{}", self.id, BASE64.encode(reference(room)?));
        let signature = self.mac.clone().chain_update(&signed).finalize().into_bytes();
        let state = format!("{signed}.{}", BASE64.encode(&signature[..SIGNATURE_BYTES]));
        (state.len() <= LONGEST).then_some(state)
    }
}

/// Why a `clientState` is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Disbelief {
    /// It has not the shape of one of ours.
    #[error("not a signature of ours")]
    Shape,
    /// It names a key that we do not have; it may be newer than the ones we know.
    #[error("signed with a key that is not known")]
    UnknownKey,
    /// Its signature is another one.
    #[error("the signature is wrong")]
    Signature,
}

/// The room that a `clientState` speaks of, if one of the keys has signed it. The signature is compared in constant time.
///
/// # Errors
///
/// Why it is not believed. All of it is told to operators only, never to the sender.
pub fn believe(state: &str, keys: &[SigningKey]) -> Result<RoomRef, Disbelief> {
    if state.len() > LONGEST {
        return Err(Disbelief::Shape);
    }
    let (signed, signature) = state.rsplit_once('.').ok_or(Disbelief::Shape)?;
    let mut parts = signed.split('.');
    let (Some(VERSION), Some(id), Some(room), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(Disbelief::Shape);
    };
    let signature = BASE64.decode(signature).map_err(|_| Disbelief::Shape)?;
    if signature.len() != SIGNATURE_BYTES {
        return Err(Disbelief::Shape);
    }
    let key = keys.iter().find(|key| key.id == id).ok_or(Disbelief::UnknownKey)?;
    let mac = key.mac.clone().chain_update(signed);
    mac.verify_truncated_left(&signature).map_err(|_| Disbelief::Signature)?;
    BASE64.decode(room).ok().and_then(|bytes| named(&bytes)).ok_or(Disbelief::Shape)
}

fn reference(room: &RoomRef) -> Option<Vec<u8>> {
    let mut bytes = Uuid::try_parse(room.tenant.as_str()).ok()?.as_bytes().to_vec();
    match Uuid::try_parse(room.room.as_str()) {
        Ok(id) if id.hyphenated().to_string() == room.room.as_str() => {
            bytes.push(GUID);
            bytes.extend(id.as_bytes());
        }
        _ => {
            bytes.push(TEXT);
            bytes.extend(room.room.as_str().as_bytes());
        }
    }
    Some(bytes)
}

fn named(bytes: &[u8]) -> Option<RoomRef> {
    let (tenant, room) = bytes.split_at_checked(16)?;
    let tenant = TenantId::parse(&Uuid::from_slice(tenant).ok()?.to_string())?;
    let room = match room.split_first()? {
        (&GUID, id) => Uuid::from_slice(id).ok()?.hyphenated().to_string(),
        (&TEXT, text) => std::str::from_utf8(text).ok()?.to_owned(),
        _ => return None,
    };
    (!room.is_empty()).then(|| RoomRef::new(tenant, RoomId::new(room)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn room(id: &str) -> RoomRef {
        RoomRef::new(TenantId::parse("84bd8158-6d4d-4958-8b9f-9d6445542f95").unwrap(), RoomId::new(id))
    }

    fn key(n: u8) -> SigningKey {
        SigningKey::new(&format!("{n}-0123456789abcdef0123456789abcdef")).unwrap()
    }

    #[test]
    fn what_is_signed_is_believed_and_fits() {
        for id in
            ["f47ac10b-58cc-4372-a567-0e02b2c3d479", "F47AC10B-58CC-4372-A567-0E02B2C3D479", "5b1c", "ä"]
        {
            let state = key(1).sign(&room(id)).unwrap();
            assert!(state.len() <= LONGEST, "{}", state.len());
            assert_eq!(believe(&state, &[key(0), key(1)]), Ok(room(id)));
        }
        assert_eq!(key(1).sign(&room(&"x".repeat(60))), None);
        assert!(SigningKey::new("short").is_none());
    }

    #[test]
    fn another_key_another_room_another_tenant_are_not_believed() {
        let state = key(1).sign(&room("a")).unwrap();
        assert_eq!(believe(&state, &[key(2)]), Err(Disbelief::UnknownKey));
        assert_eq!(believe(&state, &[]), Err(Disbelief::UnknownKey));
        let other = key(1).sign(&room("b")).unwrap();
        let (signed, _) = other.rsplit_once('.').unwrap();
        let (_, signature) = state.rsplit_once('.').unwrap();
        assert_eq!(believe(&format!("{signed}.{signature}"), &[key(1)]), Err(Disbelief::Signature));
        let renamed = state.replace(key(1).id(), key(2).id());
        assert_eq!(believe(&renamed, &[key(1), key(2)]), Err(Disbelief::Signature));
    }

    proptest! {
        #[test]
        fn no_other_text_is_believed(at in 0usize..120, to in "[ -~]", extra in "[ -~]{0,40}") {
            let state = key(1).sign(&room("f47ac10b-58cc-4372-a567-0e02b2c3d479")).unwrap();
            let at = at % state.len();
            let bent = format!("{}{to}{}", &state[..at], &state[at + 1..]);
            prop_assume!(bent != state);
            prop_assert!(believe(&bent, &[key(1)]).is_err());
            prop_assert!(believe(&state[..at], &[key(1)]).is_err());
            let longer = format!("{state}{extra}x");
            prop_assert!(believe(&longer, &[key(1)]).is_err());
            prop_assert!(believe(&extra, &[key(1)]).is_err());
        }
    }
}
