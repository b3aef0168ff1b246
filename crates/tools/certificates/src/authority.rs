//! The authority: signs certificates, and checks whether a certificate is still valid for its subject.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, SystemTime},
};

use anyhow::Context as _;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};
use rustls::{
    RootCertStore,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier as _},
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject as _},
    server::WebPkiClientVerifier,
    sign::CertifiedKey,
};

use crate::Subject;

/// The prefix of an authority's name. A part of its key's digest follows, so that a certificate's issuer identifies the
/// authority.
const NAME: &str = "Shipyard CA";
/// How long before their creation certificates are valid, for machines with slow clocks.
const CLOCK_SKEW: Duration = Duration::from_hours(2);

/// A certificate and its private key, in PEM.
#[derive(Clone)]
pub struct Pair {
    pub certificate: String,
    pub key: String,
}

pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pair: Pair,
    roots: Arc<RootCertStore>,
    provider: Arc<CryptoProvider>,
}

impl Authority {
    pub fn create(now: SystemTime, lifetime: Duration) -> anyhow::Result<Self> {
        let key = KeyPair::generate().context("generating a key")?;
        let mut params = params(&name(&key), now, lifetime);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let certificate = params.self_signed(&key).context("signing the authority's certificate")?;
        Self::load(Pair { certificate: certificate.pem(), key: key.serialize_pem() })
    }

    pub fn load(pair: Pair) -> anyhow::Result<Self> {
        let key = KeyPair::from_pem(&pair.key).context("the authority's key is not one in PEM")?;
        let mut issuer = CertificateParams::default();
        issuer.distinguished_name = named(&name(&key));
        issuer.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let mut roots = RootCertStore::empty();
        for certificate in chain(&pair.certificate)? {
            roots.add(certificate).context("the authority's certificate cannot be used")?;
        }
        anyhow::ensure!(!roots.is_empty(), "the authority's certificate is not one in PEM");
        Ok(Self {
            issuer: Issuer::new(issuer, key),
            pair,
            roots: Arc::new(roots),
            provider: Arc::new(ring::default_provider()),
        })
    }

    /// Returns the authority's own certificate in PEM, which clients trust.
    pub fn certificate(&self) -> &str {
        &self.pair.certificate
    }

    /// Returns the authority's own certificate and secret key.
    pub fn pair(&self) -> &Pair {
        &self.pair
    }

    /// Issues a certificate with a new key. Fails if the subject could not use it, for instance because the authority's
    /// key does not match its certificate.
    pub fn issue(&self, subject: &Subject, now: SystemTime, lifetime: Duration) -> anyhow::Result<Pair> {
        let pair = self.sign(subject, now, lifetime)?;
        self.check(&pair, subject, now).with_context(|| {
            format!(
                "a certificate for {} would not be valid; is the authority's key that of its certificate?",
                subject.name
            )
        })?;
        Ok(pair)
    }

    /// Issues a certificate with a new key, without checking that it is valid.
    pub fn sign(&self, subject: &Subject, now: SystemTime, lifetime: Duration) -> anyhow::Result<Pair> {
        let key = KeyPair::generate().context("generating a key")?;
        let mut params = params(&subject.name, now, lifetime);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        if let Some(uri) = &subject.uri {
            params.subject_alt_names.push(SanType::URI(uri.as_str().try_into()?));
            params.extended_key_usages.push(ExtendedKeyUsagePurpose::ClientAuth);
        }
        for host in &subject.hosts {
            params.subject_alt_names.push(match host.parse() {
                Ok(address) => SanType::IpAddress(address),
                Err(_) => SanType::DnsName(host.as_str().try_into()?),
            });
        }
        if !subject.hosts.is_empty() {
            params.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
        }
        let certificate = params.signed_by(&key, &self.issuer).with_context(|| format!("signing {}", subject.name))?;
        Ok(Pair { certificate: certificate.pem(), key: key.serialize_pem() })
    }

    /// Checks that this authority issued the pair for exactly this subject, and that it is valid at that time. The
    /// error is the reason.
    pub fn check(&self, pair: &Pair, subject: &Subject, at: SystemTime) -> anyhow::Result<()> {
        let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).context("the key is not one in PEM")?;
        let certified = CertifiedKey::from_der(chain(&pair.certificate)?, key, &self.provider)?;
        let end = certified.end_entity_cert()?;
        let names = webpki::EndEntityCert::try_from(end)?;
        let uris: Vec<_> = names.valid_uri_names().collect();
        anyhow::ensure!(uris == Vec::from_iter(subject.uri.as_deref()), "its URIs are {uris:?}");
        let dns: BTreeSet<_> = names.valid_dns_names().collect();
        let wanted = subject.hosts.iter().map(String::as_str).filter(|host| host.parse::<std::net::IpAddr>().is_err());
        anyhow::ensure!(dns == wanted.collect(), "its DNS names are {dns:?}");
        let at = UnixTime::since_unix_epoch(at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default());
        if !subject.hosts.is_empty() {
            let verifier =
                WebPkiServerVerifier::builder_with_provider(self.roots.clone(), self.provider.clone()).build()?;
            for host in &subject.hosts {
                verifier.verify_server_cert(end, &[], &ServerName::try_from(host.as_str())?, &[], at)?;
            }
        }
        if subject.uri.is_some() {
            let verifier =
                WebPkiClientVerifier::builder_with_provider(self.roots.clone(), self.provider.clone()).build()?;
            verifier.verify_client_cert(end, &[], at)?;
        }
        Ok(())
    }
}

fn chain(pem: &str) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    CertificateDer::pem_slice_iter(pem.as_bytes())
        .collect::<Result<_, _>>()
        .context("the certificate is not one in PEM")
}

fn params(name: &str, now: SystemTime, lifetime: Duration) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = named(name);
    params.not_before = (now - CLOCK_SKEW).into();
    params.not_after = (now + lifetime).into();
    params
}

fn name(key: &KeyPair) -> String {
    let digest = CertificateParams::default().key_identifier(key);
    let part = digest.iter().take(4).fold(0_u32, |part, byte| part << 8 | u32::from(*byte));
    format!("{NAME} {part:08x}")
}

fn named(name: &str) -> DistinguishedName {
    let mut names = DistinguishedName::new();
    names.push(DnType::CommonName, name);
    names
}
