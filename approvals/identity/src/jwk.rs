//! Public keys as issuers publish them (RFC 7517), and signatures by them.

use crate::encode::from_base64url;
use crate::strict;
use ring::signature::{
    self, ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde_json::{Map, Value};
use std::fmt;
use std::str::FromStr;

/// Keys of a set.
const KEYS_MAX: usize = 100;

/// How a token may be signed. Nothing here takes a shared secret, and `none` is not here at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Algorithm {
    /// RSA PKCS #1 v1.5 with SHA-256.
    Rs256,
    /// RSA PSS with SHA-256.
    Ps256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// Ed25519.
    EdDsa,
}

impl Algorithm {
    /// All of them.
    pub const ALL: &[Self] = &[Self::Rs256, Self::Ps256, Self::Es256, Self::Es384, Self::EdDsa];

    /// As RFC 7518 and RFC 8037 write it.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::EdDsa => "EdDSA",
        }
    }
}

/// Why a text is no algorithm.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no algorithm that is accepted: say `RS256`, `PS256`, `ES256`, `ES384` or `EdDSA`"
)]
pub struct AlgorithmUnknown(String);

impl FromStr for Algorithm {
    type Err = AlgorithmUnknown;

    fn from_str(text: &str) -> Result<Self, AlgorithmUnknown> {
        // RFC 9864 gives what `EdDSA` with this curve means a name of its own.
        let text = if text == "Ed25519" { "EdDSA" } else { text };
        let found = Self::ALL.iter().find(|algorithm| algorithm.text() == text);
        found.copied().ok_or_else(|| AlgorithmUnknown(text.chars().take(32).collect()))
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.text())
    }
}

/// A public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PublicKey {
    Rsa { modulus: Vec<u8>, exponent: Vec<u8> },
    P256(Vec<u8>),
    P384(Vec<u8>),
    Ed25519(Vec<u8>),
}

impl PublicKey {
    /// Whether the message was signed so by this key. A key of another kind has signed nothing.
    pub(crate) fn has_signed(&self, with: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let by = |algorithm: &'static dyn signature::VerificationAlgorithm, key: &[u8]| {
            UnparsedPublicKey::new(algorithm, key).verify(message, signature).is_ok()
        };
        match (with, self) {
            (Algorithm::Rs256, Self::Rsa { modulus, exponent }) => {
                RsaPublicKeyComponents { n: modulus, e: exponent }
                    .verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
                    .is_ok()
            }
            (Algorithm::Ps256, Self::Rsa { modulus, exponent }) => {
                RsaPublicKeyComponents { n: modulus, e: exponent }
                    .verify(&RSA_PSS_2048_8192_SHA256, message, signature)
                    .is_ok()
            }
            (Algorithm::Es256, Self::P256(point)) => by(&ECDSA_P256_SHA256_FIXED, point),
            (Algorithm::Es384, Self::P384(point)) => by(&ECDSA_P384_SHA384_FIXED, point),
            (Algorithm::EdDsa, Self::Ed25519(key)) => by(&ED25519, key),
            (
                Algorithm::Rs256
                | Algorithm::Ps256
                | Algorithm::Es256
                | Algorithm::Es384
                | Algorithm::EdDsa,
                Self::Rsa { .. } | Self::P256(_) | Self::P384(_) | Self::Ed25519(_),
            ) => false,
        }
    }

    const fn fits(&self, algorithm: Algorithm) -> bool {
        matches!(
            (algorithm, self),
            (Algorithm::Rs256 | Algorithm::Ps256, Self::Rsa { .. })
                | (Algorithm::Es256, Self::P256(_))
                | (Algorithm::Es384, Self::P384(_))
                | (Algorithm::EdDsa, Self::Ed25519(_))
        )
    }
}

/// The keys of an issuer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeySet(Vec<Key>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Key {
    id: Option<String>,
    only: Option<Algorithm>,
    public: PublicKey,
}

/// Why a text is no set of keys.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a set of keys (RFC 7517): {0}")]
pub struct KeySetError(String);

impl KeySet {
    /// The keys of a JWK Set with which tokens may be signed. Others in it are passed over, as
    /// RFC 7517 §5 wants it: those for encryption, secrets, and kinds that are not known here.
    pub fn parse(text: &[u8]) -> Result<Self, KeySetError> {
        let object = strict::object(text).map_err(|error| KeySetError(error.to_string()))?;
        let Some(Value::Array(keys)) = object.get("keys") else {
            return Err(KeySetError("`keys` is missing or no list".to_owned()));
        };
        if keys.len() > KEYS_MAX {
            return Err(KeySetError(format!("{} keys, {KEYS_MAX} at most", keys.len())));
        }
        let usable: Vec<Key> =
            keys.iter().filter_map(Value::as_object).filter_map(Key::read).collect();
        if usable.is_empty() {
            return Err(KeySetError("none of its keys can verify a signature".to_owned()));
        }
        Ok(Self(usable))
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The keys that a token with this header may be signed by. One that names no key is accepted
    /// only where there is no choice.
    pub(crate) fn candidates(&self, id: Option<&str>, with: Algorithm) -> Vec<&PublicKey> {
        let fitting = self.0.iter().filter(|key| {
            key.public.fits(with)
                && key.only.is_none_or(|only| only == with)
                && id.is_none_or(|id| key.id.as_deref() == Some(id))
        });
        let found: Vec<&PublicKey> = fitting.map(|key| &key.public).collect();
        if id.is_none() && found.len() > 1 { Vec::new() } else { found }
    }
}

impl Key {
    fn read(object: &Map<String, Value>) -> Option<Self> {
        let text = |name: &str| object.get(name).and_then(Value::as_str);
        let may_sign = object.get("use").is_none_or(|used| used == "sig")
            && object.get("key_ops").is_none_or(|operations| {
                operations.as_array().is_some_and(|all| all.iter().any(|one| one == "verify"))
            });
        if !may_sign {
            return None;
        }
        let only = match object.get("alg") {
            None => None,
            Some(name) => Some(name.as_str()?.parse().ok()?),
        };
        let bytes = |name: &str| text(name).and_then(from_base64url);
        let point = |size: usize| {
            let (x, y) = (bytes("x")?, bytes("y")?);
            (x.len() == size && y.len() == size).then(|| [&[4][..], &x, &y].concat())
        };
        let public = match (text("kty")?, text("crv")) {
            ("RSA", None) => PublicKey::Rsa {
                modulus: without_zeros(bytes("n")?),
                exponent: without_zeros(bytes("e")?),
            },
            ("EC", Some("P-256")) => PublicKey::P256(point(32)?),
            ("EC", Some("P-384")) => PublicKey::P384(point(48)?),
            ("OKP", Some("Ed25519")) => {
                PublicKey::Ed25519(bytes("x").filter(|key| key.len() == 32)?)
            }
            _ => return None,
        };
        Some(Self { id: text("kid").map(str::to_owned), only, public })
    }
}

/// Some issuers write a leading zero, which is the same number.
fn without_zeros(bytes: Vec<u8>) -> Vec<u8> {
    bytes.into_iter().skip_while(|byte| *byte == 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Appendix A.3 of RFC 7515.
    const ES256: (&str, &str) = (
        r#"{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#,
        "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
    );
    /// Appendix A.2 of RFC 7515.
    const RS256: (&str, &str) = (
        r#"{"keys":[{"kty":"RSA","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ","e":"AQAB"}]}"#,
        "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
    );
    /// Appendix A.4 of RFC 8037.
    const EDDSA: (&str, &str) = (
        r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#,
        "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
    );
    /// Made by pyca/cryptography 50.0.2; with a leading zero, as some issuers write it.
    const PS256: (&str, &str) = (
        r#"{"keys":[{"kty":"RSA","n":"ANDyeliTQU963X6ognK3b39uYHIbQDZ5ba0dXnASoxxWkos_XYW2MyGXYPAzRvgvizgZdjQ0c8Mmss4P3JFI0yIdiD43rI1sOJCFXC6XlGnXQi_WUbzfhoUQLEni9oUR7XONtHbse_z5Fh7phDK6wOKsSx6LRwXPqwGRIwCjMawKCwFnHyLeFGdvEI6OX_A6MNxN08jQv0WUiTXftt0z2_espe4QsnAILknfkYELg09unyuCuAU1pV1ncPwYzhcWa8nQcCW8IJshrkj-eWw5YEZ7Vmvx0O8SVxwPSFJebqcOQNk8LoJCDdBSqK14trWNvaI4BG5ldqMiBmHyqBfq2CU","e":"AQAB"}]}"#,
        "eyJhbGciOiJQUzI1NiJ9.eyJpc3MiOiJqb2UifQ.lceRGHRyi5h7X6bmM5C7YgpY8Tyz7HhszfOtEvy3T-p9he6KlyNyQde4jj15X-Ev5XgIjwgeb7xO6x9-uvGGv_n4WsvcNLkXymVYE6H8ZkHFFkcT2tLX1ov9QrPwWtC-roI_yHzp3GOZtnS2hzj72hARStwrVPE8cMoxsIvjAd1K6cIlnQb6SCH4aC2pJGL-jSx_tSLAcu8tBOSozYTm1SBu9v8XN_eYAjtFYkRjuMtCgQRR8MkU0ScR6Qd4maJOWORYQpeHOApKmGEGcUOSyXAVgMQdcQM-GYDYoC5eyuRMckDQ8BrKBv5JUgV-obhGQJ731pP8g5wl1cU_TqeQew",
    );
    /// Made by the same.
    const ES384: (&str, &str) = (
        r#"{"keys":[{"kty":"EC","crv":"P-384","x":"4fRFLOGOwb07usCo9-Jjd-jD4NvJg-dhOz5IOjYjRfnU4X_Hg-SuyMmgNRxmo9gg","y":"2fxkN0xpOLDB5JSVMr2cQTEP76LSeVRSa1eLtFshTBfxuc8_TNQaBx1rOTKeSjne"}]}"#,
        "eyJhbGciOiJFUzM4NCJ9.eyJpc3MiOiJqb2UifQ.D99ueTo1Lu0NZxKSdKOag-ZJEdH2ojyIGcOGDyWduBUAIENoXDfGqkc0nvM7B1R3y_0tMIBh05t9F173bYTrDpmnjTuIPzX2zte443rUL6vBvSvSiTXUhbK638Dwd163",
    );

    #[test]
    fn signatures_of_the_standards_and_of_others_are_verified_and_no_altered_one_is() {
        let vectors = [
            (Algorithm::Es256, ES256),
            (Algorithm::Es384, ES384),
            (Algorithm::Rs256, RS256),
            (Algorithm::Ps256, PS256),
            (Algorithm::EdDsa, EDDSA),
        ];
        for (algorithm, (keys, token)) in vectors {
            let keys = KeySet::parse(keys.as_bytes()).unwrap();
            let [key] = keys.candidates(None, algorithm)[..] else { panic!("{algorithm}") };
            let (message, signature) = token.rsplit_once('.').unwrap();
            let mut signature = from_base64url(signature).unwrap();
            assert!(key.has_signed(algorithm, message.as_bytes(), &signature), "{algorithm}");
            for other in Algorithm::ALL.iter().filter(|other| **other != algorithm) {
                assert!(!key.has_signed(*other, message.as_bytes(), &signature), "{other}");
            }
            signature[10] ^= 1;
            assert!(!key.has_signed(algorithm, message.as_bytes(), &signature), "{algorithm}");
        }
    }

    #[test]
    fn secrets_and_keys_for_something_else_are_passed_over() {
        let set = |more: &str| format!(r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519"{more}}}]}}"#);
        let x = r#","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo""#;
        assert!(KeySet::parse(set(x).as_bytes()).is_ok());
        for more in [
            format!(r#"{x},"use":"enc""#),
            format!(r#"{x},"key_ops":["sign"]"#),
            format!(r#"{x},"alg":"HS256""#),
            r#","x":"AAAA""#.to_owned(),
            String::new(),
        ] {
            assert!(KeySet::parse(set(&more).as_bytes()).is_err(), "{more}");
        }
        assert!(KeySet::parse(br#"{"keys":[{"kty":"oct","k":"AAAA"}]}"#).is_err());
    }
}
