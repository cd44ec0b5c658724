//! How the application proves who it is: a secret, or a certificate (`certificate-credentials` page).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use roomsync_domain::Instant;
use serde::Serialize;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Kind of the assertion that a certificate makes.
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// Seconds that an assertion holds; five to ten minutes are recommended.
const ASSERTION_SECONDS: i64 = 600;

/// A form field and its value.
pub(crate) type Field = (&'static str, String);

/// The form field of a client secret.
pub(crate) fn secret(secret: &str) -> Vec<Field> {
    vec![("client_secret", secret.to_owned())]
}

/// The form fields of a certificate: an assertion for a token endpoint, signed with the private key. `text` holds both as PEM, in any
/// order. Nothing of it is in the error.
pub(crate) fn certificate(
    text: &str,
    audience: &str,
    client_id: &str,
    now: Instant,
    id: Uuid,
) -> Result<Vec<Field>, &'static str> {
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
    let assertion = jsonwebtoken::encode(&header, &claims, &key).map_err(|_| "PrivateKeyCannotSign")?;
    Ok(vec![("client_assertion_type", ASSERTION_TYPE.to_owned()), ("client_assertion", assertion)])
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
