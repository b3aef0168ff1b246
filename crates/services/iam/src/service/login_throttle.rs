//! Delays logins from addresses that are over their limit.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// How long a login waits before its password is verified.
const LOGIN_DELAY: Duration = Duration::from_secs(1);
/// The maximum numbers of logins of one address, and of all addresses, that wait at the same time in this process.
/// Together with the delay, these bounds limit the hashing work for such addresses to a fraction of the machine's
/// capacity.
const MAX_PER_ADDRESS: usize = 8;
const MAX_WAITING: usize = 32;

/// Clones share the numbers of waiting logins.
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
