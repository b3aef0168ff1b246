//! Authentication by login and password, with counts of attempts, and the delay of logins from addresses that are over
//! their limit.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use platform::{
    error_chain,
    security_events::{self, Event},
};

use super::IamService;
use crate::{
    error::Error,
    hashing::{SaltBytes, Verdict},
    model::{Account, DeviceDigest, LoginAttempt, Password},
    repository::{Decision, Judged},
};

/// An account is new below this age. The last part of an almost full session store is reserved for older accounts.
const NEW_FOR: TimeDelta = TimeDelta::days(1);
/// A known device is recorded again if its last recorded login is older than this.
const RECORD_INTERVAL: TimeDelta = TimeDelta::days(1);

pub(super) struct Authenticated {
    pub account: Account,
    pub verdict: Verdict,
    pub attempt: LoginAttempt,
    pub judged: Judged,
}

impl Authenticated {
    pub fn is_new(&self, now: DateTime<Utc>) -> bool {
        self.account.user.created_at > now - NEW_FOR
    }

    /// Returns the device, if its login has to be recorded.
    fn unrecorded_device(&self, now: DateTime<Utc>) -> Option<DeviceDigest> {
        let device = DeviceDigest::new(&self.account, self.attempt.address);
        let is_recorded =
            |(known, used): &(DeviceDigest, DateTime<Utc>)| *known == device && *used > now - RECORD_INTERVAL;
        (!self.account.devices.iter().any(is_recorded)).then_some(device)
    }
}

impl IamService {
    /// Counts the attempt, then returns the login's account if the password is right. An unknown login, a wrong
    /// password, and a locked or disabled account cause the same lookup and hashing work, fail with the same error, and
    /// count as one outcome in the metrics.
    pub(super) async fn authenticate(
        &self,
        attempt: &LoginAttempt,
        password: Password,
        now: DateTime<Utc>,
    ) -> Result<Authenticated, Error> {
        let account = self.users.by_login(&attempt.login, now).await?;
        let origin = account.as_ref().map(|known| known.origin(attempt)).unwrap_or_default();
        let attempt = LoginAttempt { origin, ..attempt.clone() };
        let judged = self.attempts.begin(&attempt).await?;
        let refusal = match judged.decision {
            Decision::Verify | Decision::Locked => None,
            Decision::Throttle if self.throttle.wait(attempt.address).await => None,
            Decision::Throttle | Decision::Limited(_) => Some(Error::TooManyAttempts),
            Decision::Busy(_) => Some(Error::TooManyLogins),
        };
        if let Some(error) = refusal {
            if judged.decision == Decision::Throttle {
                // The attempt stays counted for its address.
                let judged = Judged { is_counted: false, ..judged };
                logged(self.attempts.take_back(&attempt, judged).await);
            }
            security_events::record(Event::Locked { address: attempt.address });
            return Err(error);
        }
        let is_locked = judged.decision == Decision::Locked;
        let account = account.filter(|account| !is_locked && !account.user.is_disabled);
        match self.verify(account, password).await {
            Ok(Some((account, verdict))) => Ok(Authenticated { account, verdict, attempt, judged }),
            Ok(None) => Err(Error::WrongCredentials),
            Err(error) => {
                if !is_locked {
                    logged(self.attempts.take_back(&attempt, judged).await);
                }
                Err(error)
            }
        }
    }

    async fn verify(&self, account: Option<Account>, password: Password) -> Result<Option<(Account, Verdict)>, Error> {
        let hash = account.as_ref().map(|account| account.password_hash.clone());
        let verdict = self.hashing.verify(password, hash).await?;
        Ok(account.filter(|_| verdict != Verdict::Wrong).map(|account| (account, verdict)))
    }

    /// Replaces an outdated hash. If that fails, the next login retries.
    pub(super) async fn renew_hash(
        self,
        known: Authenticated,
        password: Password,
        salt: SaltBytes,
        now: DateTime<Utc>,
    ) {
        let user = known.account.user.id;
        let renewed = async {
            let hash = self.hashing.hash(password, salt).await?;
            self.users.renew_hash(user, &known.account.password_hash, &hash).await?;
            self.users.remember_device(user, &DeviceDigest::with(&hash, known.attempt.address), now).await
        };
        match renewed.await {
            Ok(()) => tracing::info!(user_uuid = %user, "password hash renewed"),
            Err(error) => {
                tracing::warn!(error = error_chain(error), "password hash not renewed, the next login retries");
            }
        }
    }

    /// Records that a password was right, and the device. Logins to new accounts (`is_new`) are limited per IP address,
    /// so these are counted, too. If recording fails, the count of attempts stays too high until it expires, or the
    /// device stays unknown until its next login.
    pub(super) async fn authenticated(&self, known: &Authenticated, is_new: bool, now: DateTime<Utc>) {
        let devices = known.account.known_devices();
        let counted = self.attempts.succeed(&known.attempt, &devices, known.judged, is_new);
        let recorded = async {
            match known.unrecorded_device(now) {
                Some(device) => self.users.remember_device(known.account.user.id, &device, now).await,
                None => Ok(()),
            }
        };
        let (counted, recorded) = tokio::join!(counted, recorded);
        logged(counted);
        if let Err(error) = recorded {
            tracing::warn!(error = error_chain(error), "device of a login not recorded, the next login retries");
        }
    }
}

fn logged(outcome: Result<(), Error>) {
    if let Err(error) = outcome {
        tracing::warn!(error = error_chain(error), "count of attempts not updated");
    }
}

/// A login waits for this long before its password is verified.
const LOGIN_DELAY: Duration = Duration::from_secs(1);
/// The maximum numbers of logins of one address, and of all addresses, that wait at the same time in this process.
/// Together with the delay, these bounds limit the hashing work for such addresses to a fraction of the machine's
/// capacity.
const MAX_PER_ADDRESS: usize = 8;
const MAX_WAITING: usize = 32;

/// Delays logins from addresses that are over their limit. Clones share the numbers of waiting logins.
#[derive(Clone, Default)]
pub struct Throttle {
    /// The number of waiting logins of each address that has at least one.
    waiting: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// Counts as a waiting login until it is dropped.
struct WaitingLogin<'a>(&'a Throttle, IpAddr);

impl Throttle {
    /// Waits for the delay. Returns false at once if too many logins wait.
    pub async fn wait(&self, address: IpAddr) -> bool {
        let Some(_place) = self.admit(address) else { return false };
        tokio::time::sleep(LOGIN_DELAY).await;
        true
    }

    fn admit(&self, address: IpAddr) -> Option<WaitingLogin<'_>> {
        let mut waiting = self.lock();
        let all: usize = waiting.values().sum();
        let of_address = waiting.get(&address).copied().unwrap_or_default();
        if all >= MAX_WAITING || of_address >= MAX_PER_ADDRESS {
            return None;
        }
        waiting.insert(address, of_address + 1);
        Some(WaitingLogin(self, address))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for WaitingLogin<'_> {
    fn drop(&mut self) {
        let mut waiting = self.0.lock();
        match waiting.get_mut(&self.1) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(waiting.remove(&self.1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use futures::{FutureExt as _, future::join_all};
    use tokio::time::Instant;

    use super::*;

    fn address(number: u8) -> IpAddr {
        Ipv4Addr::new(192, 0, 2, number).into()
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_has_a_quarter_of_the_places_and_each_login_waits() {
        let (throttle, begun) = (Throttle::default(), Instant::now());
        let mut waiting: Vec<_> = (0..MAX_PER_ADDRESS).map(|_| Box::pin(throttle.wait(address(1)))).collect();
        assert!(waiting.iter_mut().all(|login| login.now_or_never().is_none()));

        assert_eq!(throttle.wait(address(1)).now_or_never(), Some(false));
        assert!(throttle.wait(address(2)).await);
        assert!(join_all(waiting).await.into_iter().all(|waited| waited));
        assert!(begun.elapsed() >= LOGIN_DELAY && throttle.lock().is_empty());
    }
}
