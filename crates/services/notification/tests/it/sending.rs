//! The sender over memory: time passes as fast as nothing happens.

use std::{
    collections::HashMap,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use notification::{
    client::{LONGEST_TEXT, Limits, MemoryMessenger, MemoryUsers, Reply, Told},
    model::{Fault, Kind, NewNotification, Notification, Status},
    repository::{MemoryNotifications, Notifications as _},
    service::{Courier, GROUP_PAID, NotificationService, STABLE_FOR, Sender, Templates},
};
use platform::{ids, lease::MemoryLease};
use serde_json::json;
use testkit::{Running, eventually};
use tokio::{sync::Notify, time::Instant};
use uuid::Uuid;

const FIVE_MINUTES: Duration = Duration::from_mins(5);
/// How soon after trouble everything must be on its way, but for what is repeated, which must wait until all is stable.
const RECOVERY: Duration = Duration::from_secs(30);
/// Telegram's.
const LIMITS: Limits = Limits { overall: Duration::from_millis(33), per_chat: Duration::from_secs(1) };

/// The parts around a sender, shared by its replicas.
struct Shop {
    notifications: MemoryNotifications,
    users: MemoryUsers,
    messenger: MemoryMessenger,
    queued: Arc<Notify>,
    service: NotificationService,
    lease: MemoryLease,
}

impl Shop {
    fn new() -> Self {
        Self::with_limits(Limits::default())
    }

    fn with_limits(limits: Limits) -> Self {
        let notifications = MemoryNotifications::default();
        let queued = Arc::new(Notify::new());
        Self {
            service: NotificationService::new(Arc::new(notifications.clone()), queued.clone()),
            notifications,
            users: MemoryUsers::default(),
            messenger: MemoryMessenger::with_limits(limits),
            queued,
            lease: MemoryLease::new("first"),
        }
    }

    /// Starts a sender; `fallback` is the configured chat.
    fn sender(&self, lease: &MemoryLease, fallback: Option<&str>) -> Running {
        let courier = Courier {
            notifications: Arc::new(self.notifications.clone()),
            users: Arc::new(self.users.clone()),
            notifier: Arc::new(self.messenger.clone()),
            templates: Templates::load(None).unwrap(),
            fallback: fallback.map(str::to_owned),
            stable_for: STABLE_FOR,
            halted: AtomicBool::new(false),
        };
        let sender = Sender::new(courier, Arc::new(lease.clone()), self.queued.clone());
        testkit::run(|stop| sender.run(stop))
    }

    /// An order of a user with this chat, paid.
    async fn paid(&self, chat: &str) -> Uuid {
        let order = ids::random();
        let user = ids::random();
        self.users.set_chat(user, chat);
        self.happened(order, user, Kind::OrderPaid).await;
        order
    }

    async fn happened(&self, order: Uuid, user: Uuid, kind: Kind) {
        let facts = json!({
            "payment_method": "CARD", "transaction_uuid": "t", "build_time_sec": 2, "reason": "BY_USER", "paid": false
        });
        let new = NewNotification { uuid: ids::ordered(), order, user, kind, facts };
        self.service.queue(GROUP_PAID, ids::random(), &new).await.unwrap();
    }

    /// The order's only notification, once it is repeated.
    async fn repeated(&self, order: Uuid) -> Notification {
        tokio::time::sleep(STABLE_FOR).await;
        self.ended(order).await
    }

    /// The order's only notification, once it is sent or given up.
    async fn ended(&self, order: Uuid) -> Notification {
        eventually(|| async { self.of(order).await.filter(|found| found.status != Status::Queued) }).await
    }

    async fn of(&self, order: Uuid) -> Option<Notification> {
        self.notifications.of_order(order).await.unwrap().into_iter().next()
    }

    /// How often an order's user was told.
    fn times_told(&self, order: Uuid) -> usize {
        self.told_of(order).len()
    }

    fn told_of(&self, order: Uuid) -> Vec<Told> {
        self.messenger.told().into_iter().filter(|told| told.of.iter().any(|(of, _)| *of == order)).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn a_user_is_told_in_his_own_chat_else_in_the_configured_one() {
    let shop = Shop::new();
    let _sender = shop.sender(&shop.lease, Some("everybody"));

    let own = shop.paid("own").await;
    let other = ids::random();
    shop.happened(other, ids::random(), Kind::ShipAssembled).await;

    for (order, chat, words) in [(own, "own", "Your order is paid"), (other, "everybody", "Your ship is ready")] {
        let found = shop.ended(order).await;
        let told = shop.told_of(order);
        assert_eq!((found.status, found.attempts, found.ambiguous), (Status::Sent, 1, false));
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].chat, chat);
        assert!(told[0].text.starts_with(words) && told[0].text.contains(&order.to_string()), "{}", told[0].text);
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_does_not_wait_for_a_poll() {
    let shop = Shop::new();
    let _sender = shop.sender(&shop.lease, None);
    tokio::time::sleep(Duration::from_millis(1300)).await;
    let queued_at = Instant::now();

    let order = shop.paid("chat").await;
    shop.ended(order).await;

    assert!(shop.told_of(order)[0].at - queued_at < Duration::from_millis(20));
}

#[tokio::test(start_paused = true)]
async fn a_user_without_any_chat_is_given_up() {
    let shop = Shop::new();
    let _sender = shop.sender(&shop.lease, None);
    let order = ids::random();

    shop.happened(order, ids::random(), Kind::OrderPaid).await;

    assert_eq!(shop.ended(order).await.status, Status::Failed);
    assert_eq!(shop.times_told(order), 0);
}

#[tokio::test(start_paused = true)]
async fn messages_keep_to_the_limits_and_to_their_order() {
    let limits = Limits { overall: Duration::from_millis(100), per_chat: Duration::from_secs(1) };
    let shop = Shop::with_limits(limits);
    let mut orders = Vec::new();
    for index in 0..60 {
        let chat = if index < 20 { "busy".to_owned() } else { format!("chat {index}") };
        orders.push(shop.paid(&chat).await);
    }
    let _sender = shop.sender(&shop.lease, None);

    for order in &orders {
        shop.ended(*order).await;
    }

    let told = shop.messenger.told();
    assert!(told.windows(2).all(|two| two[1].at - two[0].at >= limits.overall));
    let busy: Vec<_> = told.iter().filter(|told| told.chat == "busy").collect();
    assert!(busy.windows(2).all(|two| two[1].at - two[0].at >= limits.per_chat));
    let order_of_busy: Vec<_> = busy.iter().flat_map(|told| &told.of).map(|(order, _)| *order).collect();
    assert_eq!(order_of_busy, orders[..20]);
    assert_eq!(told.iter().map(|told| told.of.len()).sum::<usize>(), 60);
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_the_provider_wants_is_kept_by_that_chat_alone() {
    let shop = Shop::new();
    let pause = Duration::from_secs(40);
    shop.messenger.script([Reply::Fault(Fault::TooMany(pause))]);
    let start = Instant::now();
    let _sender = shop.sender(&shop.lease, None);
    let first = shop.paid("strict").await;
    eventually(|| async { shop.of(first).await.filter(|found| found.attempts == 1) }).await;
    let second = shop.paid("strict").await;
    let other = shop.paid("other").await;

    shop.ended(other).await;
    tokio::time::sleep(pause).await;
    shop.ended(first).await;
    shop.ended(second).await;

    assert!(shop.told_of(other)[0].at - start < Duration::from_secs(1));
    let (first, second) = (&shop.told_of(first)[0], &shop.told_of(second)[0]);
    assert!(first.at - start >= pause && second.at >= first.at);
}

#[tokio::test(start_paused = true)]
async fn after_five_minutes_without_the_provider_everybody_is_told_once() {
    let shop = Shop::new();
    let start = Instant::now();
    shop.messenger.trouble(Reply::Fault(Fault::Unreachable("no route".to_owned())), FIVE_MINUTES);
    let _sender = shop.sender(&shop.lease, None);
    let mut orders = Vec::new();
    for chat in 0..100 {
        orders.push(shop.paid(&format!("chat {}", chat % 40)).await);
        tokio::time::sleep(Duration::from_secs(2)).await;
    }

    tokio::time::sleep_until(start + FIVE_MINUTES).await;

    for order in orders {
        let found = shop.ended(order).await;
        assert_eq!((found.status, found.ambiguous, shop.times_told(order)), (Status::Sent, false, 1));
    }
    assert!(start.elapsed() < FIVE_MINUTES + RECOVERY);
}

#[tokio::test(start_paused = true)]
async fn after_five_minutes_of_silence_nobody_is_forgotten() {
    let shop = Shop::new();
    let start = Instant::now();
    shop.messenger.trouble(Reply::Silence, FIVE_MINUTES);
    let _sender = shop.sender(&shop.lease, None);
    let mut orders = Vec::new();
    for chat in 0..100 {
        orders.push(shop.paid(&format!("chat {chat}")).await);
    }

    tokio::time::sleep_until(start + FIVE_MINUTES).await;

    tokio::time::sleep(STABLE_FOR).await;
    let mut ambiguous = 0;
    for order in orders {
        let found = shop.ended(order).await;
        ambiguous += usize::from(found.ambiguous);
        assert_eq!((found.status, shop.times_told(order)), (Status::Sent, 1), "{found:?}");
    }
    assert!((1..=32).contains(&ambiguous), "{ambiguous} were handed to a silent provider");
    assert!(start.elapsed() < FIVE_MINUTES + STABLE_FOR + RECOVERY);
}

#[tokio::test(start_paused = true)]
async fn a_message_without_an_answer_is_sent_once_more_and_flagged() {
    let shop = Shop::new();
    shop.messenger.script([Reply::TakesInSilence]);
    let _sender = shop.sender(&shop.lease, None);

    let order = shop.paid("chat").await;

    let found = shop.repeated(order).await;
    assert_eq!((found.status, found.ambiguous, found.attempts), (Status::Sent, true, 2));
    let told = shop.told_of(order);
    assert_eq!(told.len(), 2);
    assert!(told[1].at - told[0].at >= STABLE_FOR, "it was not known whether the provider is well");
}

#[tokio::test(start_paused = true)]
async fn nobody_is_told_a_third_time() {
    let shop = Shop::new();
    shop.messenger.script([
        Reply::TakesInSilence,
        Reply::Fault(Fault::Unreachable("no route".to_owned())),
        Reply::TakesInSilence,
    ]);
    let _sender = shop.sender(&shop.lease, None);

    let order = shop.paid("chat").await;
    tokio::time::sleep(FIVE_MINUTES).await;

    let found = shop.ended(order).await;
    assert_eq!((found.status, found.ambiguous), (Status::Failed, true));
    assert_eq!(shop.times_told(order), 2);
}

#[tokio::test(start_paused = true)]
async fn a_user_who_blocked_the_bot_is_given_up_and_holds_up_nobody() {
    let shop = Shop::new();
    shop.messenger.script([Reply::Fault(Fault::Refused("403".to_owned()))]);
    let _sender = shop.sender(&shop.lease, None);

    let blocked = shop.paid("chat").await;
    assert_eq!(shop.ended(blocked).await.status, Status::Failed);
    let other = shop.paid("chat").await;

    assert_eq!(shop.ended(other).await.status, Status::Sent);
    assert_eq!(shop.times_told(blocked), 0);
}

#[tokio::test(start_paused = true)]
async fn a_crash_in_the_middle_of_a_hand_over_is_ambiguous() {
    let shop = Shop::new();
    shop.messenger.script([Reply::TakesInSilence]);
    let sender = shop.sender(&shop.lease, None);
    let order = shop.paid("chat").await;
    eventually(|| async { (shop.times_told(order) == 1).then_some(()) }).await;

    sender.kill().await;
    let _sender = shop.sender(&shop.lease.rival("second"), None);

    let found = shop.repeated(order).await;
    assert_eq!((found.status, found.ambiguous, shop.times_told(order)), (Status::Sent, true, 2));
}

#[tokio::test(start_paused = true)]
async fn a_stop_finishes_what_is_under_way() {
    let shop = Shop::new();
    shop.messenger.script([Reply::TakesInSilence]);
    let sender = shop.sender(&shop.lease, None);
    let order = shop.paid("chat").await;
    eventually(|| async { (shop.times_told(order) == 1).then_some(()) }).await;

    sender.stop().await;

    let found = shop.of(order).await.unwrap();
    assert_eq!((found.status, found.ambiguous), (Status::Queued, true));
}

#[tokio::test(start_paused = true)]
async fn while_iam_is_away_nobody_is_lost_and_iam_is_asked_seldom() {
    let shop = Shop::new();
    shop.users.set_away(true);
    let _sender = shop.sender(&shop.lease, Some("everybody"));
    let mut orders = Vec::new();
    for _ in 0..100 {
        orders.push(shop.paid("chat").await);
    }

    tokio::time::sleep(FIVE_MINUTES).await;
    let asked = shop.users.asked();
    shop.users.set_away(false);

    for order in orders {
        assert_eq!(shop.ended(order).await.status, Status::Sent);
    }
    assert!(asked < 100 * 32, "asked {asked} times");
    assert!(shop.messenger.told().iter().all(|told| told.chat == "chat"));
}

#[tokio::test(start_paused = true)]
async fn of_two_replicas_one_sends_and_the_other_takes_over() {
    let shop = Shop::new();
    let first = shop.sender(&shop.lease, None);
    let _second = shop.sender(&shop.lease.rival("second"), None);
    let mut orders = Vec::new();
    for index in 0..50 {
        orders.push(shop.paid(&format!("chat {index}")).await);
    }
    for order in &orders {
        shop.ended(*order).await;
    }

    first.kill().await;
    let later = shop.paid("chat").await;

    assert_eq!(shop.ended(later).await.status, Status::Sent);
    let mut times = HashMap::new();
    for of in shop.messenger.told().into_iter().flat_map(|told| told.of) {
        *times.entry(of).or_insert(0) += 1;
    }
    assert!(times.len() == 51 && times.values().all(|times| *times == 1));
}

#[tokio::test(start_paused = true)]
async fn a_busy_chat_is_told_in_digests_and_keeps_up() {
    let shop = Shop::with_limits(LIMITS);
    let _sender = shop.sender(&shop.lease, Some("everybody"));
    let mut orders = Vec::new();
    for _ in 0..FIVE_MINUTES.as_millis() / 50 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let order = ids::random();
        shop.happened(order, ids::random(), Kind::ShipAssembled).await;
        orders.push(order);
    }
    tokio::time::sleep(Duration::from_secs(3)).await;

    let waiting = shop.notifications.queued(10_000).await.unwrap();
    assert_eq!(waiting, 0, "of {} messages to one chat so many wait", orders.len());
    let told = shop.messenger.told();
    let order_of_told: Vec<Uuid> = told.iter().flat_map(|told| &told.of).map(|(order, _)| *order).collect();
    assert_eq!(order_of_told, orders);
    assert!(told.windows(2).all(|two| two[1].at - two[0].at >= LIMITS.per_chat));
    assert!(told.iter().all(|told| told.text.encode_utf16().count() <= LONGEST_TEXT));
}

#[tokio::test(start_paused = true)]
async fn without_limits_nothing_is_throttled() {
    let shop = Shop::with_limits(Limits::default());
    for _ in 0..200 {
        shop.happened(ids::random(), ids::random(), Kind::ShipAssembled).await;
        shop.paid("own").await;
    }
    let start = Instant::now();
    let _sender = shop.sender(&shop.lease, Some("everybody"));

    eventually(|| async { (shop.notifications.queued(1).await.unwrap() == 0).then_some(()) }).await;

    assert!(start.elapsed() < Duration::from_millis(100), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn one_message_for_one_chat_is_in_its_own_words() {
    let shop = Shop::with_limits(LIMITS);
    let _sender = shop.sender(&shop.lease, None);
    let order = shop.paid("chat").await;

    shop.ended(order).await;

    let text = format!("Your order is paid (card), and your ship is being built.\nOrder: {order}\nTransaction: t");
    assert_eq!(shop.told_of(order)[0].text, text);
}

/// Orders that wait for one chat, so that a digest has all of them.
async fn waiting(shop: &Shop, count: usize) -> Vec<Uuid> {
    let mut orders = Vec::new();
    for _ in 0..count {
        orders.push(shop.paid("chat").await);
    }
    orders
}

#[tokio::test(start_paused = true)]
async fn a_crash_in_the_middle_of_a_digest_flags_all_of_it() {
    let shop = Shop::new();
    let orders = waiting(&shop, 5).await;
    shop.messenger.script([Reply::TakesInSilence]);
    let sender = shop.sender(&shop.lease, None);
    eventually(|| async { (!shop.messenger.told().is_empty()).then_some(()) }).await;

    sender.kill().await;
    let _sender = shop.sender(&shop.lease.rival("second"), None);

    tokio::time::sleep(STABLE_FOR).await;
    for order in &orders {
        let found = shop.ended(*order).await;
        assert_eq!((found.status, found.ambiguous, shop.times_told(*order)), (Status::Sent, true, 2), "{found:?}");
    }
    assert_eq!(shop.messenger.told()[0].of.len(), 5, "it was no digest of all");
}

#[tokio::test(start_paused = true)]
async fn a_digest_has_one_outcome() {
    for (reply, status, ambiguous) in [
        (Fault::Refused("403".to_owned()), Status::Failed, false),
        (Fault::TooMany(Duration::from_secs(3)), Status::Sent, false),
        (Fault::Unreachable("no route".to_owned()), Status::Sent, false),
        (Fault::Unknown("502".to_owned()), Status::Sent, true),
    ] {
        let shop = Shop::new();
        let orders = waiting(&shop, 5).await;
        shop.messenger.script([Reply::Fault(reply.clone())]);
        let _sender = shop.sender(&shop.lease, None);

        tokio::time::sleep(STABLE_FOR * 2).await;

        for order in orders {
            let found = shop.ended(order).await;
            let told = usize::from(status == Status::Sent);
            assert_eq!((found.status, found.ambiguous, shop.times_told(order)), (status, ambiguous, told), "{reply:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn two_failures_in_a_row_lose_nothing() {
    let shop = Shop::new();
    let bad_gateway = Reply::Fault(Fault::Unknown("502".to_owned()));
    shop.messenger.send_trouble(bad_gateway, Duration::from_secs(20));
    let _sender = shop.sender(&shop.lease, None);

    let order = shop.paid("chat").await;
    tokio::time::sleep(FIVE_MINUTES).await;

    let found = shop.of(order).await.unwrap();
    assert_eq!((found.status, found.ambiguous), (Status::Sent, true), "{found:?}");
    assert_eq!(shop.times_told(order), 1);
}

#[tokio::test(start_paused = true)]
async fn a_repeat_holds_up_nobody() {
    let shop = Shop::new();
    shop.messenger.script([Reply::TakesInSilence]);
    let _sender = shop.sender(&shop.lease, None);
    let first = shop.paid("chat").await;
    eventually(|| async { shop.of(first).await.filter(|found| found.ambiguous) }).await;

    let start = Instant::now();
    let second = shop.paid("chat").await;

    assert_eq!(shop.ended(second).await.status, Status::Sent);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    assert_eq!(shop.of(first).await.unwrap().status, Status::Queued);
}

#[tokio::test(start_paused = true)]
async fn while_the_provider_fails_one_message_at_a_time_finds_out() {
    let shop = Shop::new();
    shop.messenger.send_trouble(Reply::Fault(Fault::Unknown("502".to_owned())), FIVE_MINUTES);
    let _sender = shop.sender(&shop.lease, None);
    let mut orders = Vec::new();
    for chat in 0..300 {
        orders.push(shop.paid(&format!("chat {chat}")).await);
    }

    tokio::time::sleep(FIVE_MINUTES + STABLE_FOR * 2).await;

    let mut ambiguous = 0;
    for order in orders {
        let found = shop.ended(order).await;
        assert_eq!((found.status, shop.times_told(order)), (Status::Sent, 1), "{found:?}");
        ambiguous += usize::from(found.ambiguous);
    }
    assert!((1..=120).contains(&ambiguous), "{ambiguous} were handed to a provider that fails");
}
