//! How an application proves who it is with a certificate (`certificate-credentials` page).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use roomsync_domain::Instant;
use serde::Serialize;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Kind of the assertion that a certificate makes.
pub(crate) const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// Seconds that an assertion holds; five to ten minutes are recommended.
const ASSERTION_SECONDS: i64 = 600;

/// The assertion that a certificate makes for a token endpoint, signed with the private key. `text` holds both as PEM, in any order.
/// Nothing of it is in the error.
pub(crate) fn assertion(
    text: &str,
    audience: &str,
    client_id: &str,
    now: Instant,
    id: Uuid,
) -> Result<String, &'static str> {
    let blocks = pem::parse_many(text).map_err(|_| "CertificateIsNotPem")?;
    let certificate =
        blocks.iter().find(|block| block.tag() == "CERTIFICATE").ok_or("CertificateMissingInSecret")?;
    let key = blocks
        .iter()
        .find(|block| matches!(block.tag(), "PRIVATE KEY" | "RSA PRIVATE KEY"))
        .ok_or("PrivateKeyMissingInSecret")?;
    let key = EncodingKey::from_rsa_pem(pem::encode(key).as_bytes()).map_err(|_| "PrivateKeyIsNotRsa")?;
    let mut header = Header::new(Algorithm::PS256);
    header.x5t_s256 = Some(URL_SAFE_NO_PAD.encode(Sha256::digest(certificate.contents())));
    let now = now.timestamp();
    let claims = Claims {
        aud: audience,
        iss: client_id,
        sub: client_id,
        jti: id,
        nbf: now,
        iat: now,
        exp: now + ASSERTION_SECONDS,
    };
    jsonwebtoken::encode(&header, &claims, &key).map_err(|_| "PrivateKeyCannotSign")
}

#[derive(Serialize)]
struct Claims<'a> {
    aud: &'a str,
    iss: &'a str,
    sub: &'a str,
    jti: Uuid,
    nbf: i64,
    iat: i64,
    exp: i64,
}
