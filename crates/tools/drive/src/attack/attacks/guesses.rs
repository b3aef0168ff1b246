//! Wrong passwords: for other customers' logins, and for many logins from the customers' own address, as behind one
//! proxy.

use std::{sync::Arc, time::Duration};

use contracts::proto::auth::v1::{LoginRequest, auth_service_client::AuthServiceClient};
use platform::ids;
use tokio::time::sleep;
use tonic::{Code, transport::Channel};

use super::Attacker;
use crate::attack::wire::{channel, channel_from};

const WORKERS: u32 = 2;
/// The pause after a refused guess. A few guesses keep a login locked.
const REPEAT_DELAY: Duration = Duration::from_millis(100);

/// Guesses passwords for the customers' logins, so that iam locks them.
pub async fn lock(attacker: Arc<Attacker>) {
    attacker
        .repeat(WORKERS, REPEAT_DELAY, |attacker, _| async move {
            let Some(channel) = channel(&attacker.entrances.iam) else { return };
            let _place = attacker.place();
            for login in attacker.targets.iter().cycle() {
                if guess(&attacker, &channel, login.clone()).await != Code::Unauthenticated {
                    sleep(REPEAT_DELAY).await;
                }
            }
        })
        .await;
}

/// Guesses passwords for non-existing logins from the customers' address, so that iam limits the address.
pub async fn spray(attacker: Arc<Attacker>) {
    attacker
        .repeat(WORKERS, REPEAT_DELAY, |attacker, _| async move {
            let Some(channel) = channel_from(&attacker.entrances.iam, None) else { return };
            let _place = attacker.place();
            loop {
                // Until iam limits the address, each guess is for another login; then a few guesses keep it limited.
                let code = guess(&attacker, &channel, ids::random().to_string()).await;
                if code != Code::Unauthenticated {
                    sleep(REPEAT_DELAY).await;
                }
            }
        })
        .await;
}

async fn guess(attacker: &Attacker, channel: &Channel, login: String) -> Code {
    attacker.has_sent(1);
    let request = LoginRequest { login, password: "a wrong password".to_owned() };
    let response = AuthServiceClient::new(channel.clone()).login(request).await;
    attacker.was_refused();
    response.err().map_or(Code::Ok, |status| status.code())
}
