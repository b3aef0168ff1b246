//! Ends an account.
//!
//! Order is asked twice. The first time nothing has changed yet, so a refusal costs the user nothing. Then the user's
//! sessions end and its credentials are retired: no request of the user is admitted any more, though some that were
//! admitted earlier may still run. Only then does the second response decide. An order that such a request creates
//! later ends by itself: order cancels unpaid orders at `UserErased`, or at their deadline.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use contracts::ids::UserId;
use outbox::Waker;
use platform::{
    error_chain,
    security_events::{self, Event, Revocation},
};
use tokio::time::Instant;

use super::{IamService, admitted};
use crate::{
    client::OpenOrders,
    error::Error,
    model::{Account, LoginAttempt, Password, Session},
};

/// The maximum duration of a deletion. A process that was suspended for longer fails: the credentials may be valid
/// again, and the user may have created an order since order's last response.
const MAX_DURATION: Duration = Duration::from_secs(30);

#[derive(Clone)]
pub struct AccountService {
    iam: IamService,
    orders: Arc<dyn OpenOrders>,
    relay: Waker,
}

impl AccountService {
    pub fn new(iam: IamService, orders: Arc<dyn OpenOrders>, relay: Waker) -> Self {
        Self { iam, orders, relay }
    }

    /// Erases the session's user, if the password is right, no order is open and the user is not an operator. If it
    /// fails after the sessions have ended, the credentials are valid again a minute later.
    pub async fn delete(
        &self,
        session: Session,
        attempt: &LoginAttempt,
        password: Password,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let iam = &self.iam;
        let authenticated = iam.authenticate(attempt, password, now).await?;
        iam.authenticated(&authenticated, false, now).await;
        let account = &authenticated.account;
        let (known, user) = (&account.user, account.user.id);
        if known.is_operator {
            return Err(Error::StillOperator);
        }
        self.check_orders(user).await?;
        let (session, begun) = (session.updated(known.clone(), now), Instant::now());
        admitted(iam.sessions.close_others(&session).await?)?;
        iam.sessions.close(session.id).await?;
        security_events::record(Event::SessionRevoked { user: user.uuid(), reason: Revocation::AccountDeleted });
        self.check_orders(user).await?;
        if begun.elapsed() > MAX_DURATION || !iam.users.erase(known, now).await? {
            return Err(Error::CredentialsChanging);
        }
        self.relay.wake();
        security_events::record(Event::AccountDeleted { user: user.uuid() });
        iam.profiles.forget(user);
        self.forget(account).await;
        Ok(())
    }

    async fn check_orders(&self, user: UserId) -> Result<(), Error> {
        let (open, total) = self.orders.of(user).await?;
        if total > 0 { Err(Error::OrdersOpen(open, total)) } else { Ok(()) }
    }

    /// Deletes what Redis stores about the user: the sessions with the user's record, and the failed attempts. What
    /// cannot be deleted expires, like contact codes; it contains only uuids and digests.
    async fn forget(&self, account: &Account) {
        let (user, devices) = (&account.user, account.known_devices());
        let forgotten =
            tokio::join!(self.iam.sessions.close_all(user.id), self.iam.attempts.unlock(&user.info.login, &devices),);
        for error in [forgotten.0, forgotten.1].into_iter().filter_map(Result::err) {
            tracing::warn!(error = error_chain(error), user_uuid = %user.id, "erased user not forgotten, the rest expires");
        }
    }
}
