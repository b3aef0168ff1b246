//! Loans while the identity check does not respond, and loans that are delivered repeatedly.

use std::time::Duration;

use client::{bank::ApprovedLoan, lending::Lending};
use contracts::{events::LOAN_APPROVED, money::Money};
use drive::account::Account;
use platform::{clock, ids};
use rand::seq::SliceRandom as _;
use stand_ins::KycMode;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::inject;
use crate::{
    cluster::DECLINED_NAME,
    experiment::{Experiment, Fault, Injected, Injection},
    topics,
    wait::until,
};

pub const FAULTS: [Fault; 2] = [
    Fault::new(7, "checker-silent", "the checker of identities does not answer", inject!(silent))
        .lasting(30, 8)
        .holds("No customer is refused, and loans are held; then each customer gets the right decision."),
    Fault::new(
        9,
        "loan-five-times",
        "each loan comes five times, shuffled, while customers and payment are killed, and the topic is read again",
        inject!(five_times),
    )
    .holds("Each loan is credited once."),
];

const NAME: &str = "Ann";
/// The amount of a loan, in minor units.
const AMOUNT: i64 = 12_345;
/// An identity must be checked, and a loan credited, within this time after the fault.
const DECISION_TIMEOUT: Duration = Duration::from_secs(30);
/// Customers must read all loans again within this time.
const READ_TIMEOUT: Duration = Duration::from_mins(1);
const POLL_INTERVAL: Duration = Duration::from_millis(200);

struct Applicant {
    user: Uuid,
    session: String,
    loan: ApprovedLoan,
}

struct Expected<'a> {
    status: &'a str,
    name: &'a str,
    reason: &'a str,
    loan: &'a str,
}

impl Applicant {
    fn new(Account { user, session, .. }: Account) -> anyhow::Result<Self> {
        let (id, amount) = (format!("chaos-{}", ids::random().simple()), Money::from_minor(AMOUNT)?);
        let approved_at = clock::now().timestamp();
        Ok(Self { user, session, loan: ApprovedLoan { id, customer: user, amount, approved_at } })
    }

    async fn some(experiment: &Experiment, count: usize) -> anyhow::Result<Vec<Self>> {
        experiment.cluster.accounts(count).await?.into_iter().map(Self::new).collect()
    }

    /// Returns the difference from the expected state; `None` if there is none.
    async fn differs(&self, lending: &Lending, expected: &Expected<'_>) -> anyhow::Result<Option<String>> {
        let customer = lending.customer(&self.session, self.user).await?;
        let loans = lending.loans(&self.session, self.user).await?;
        let loan = loans.iter().find(|loan| loan.loan_id == self.loan.id).map_or("unknown", |loan| &loan.status);
        let is = (customer.kyc_status.as_str(), customer.name.as_str(), loan);
        let reason_fits = customer.reason.starts_with(expected.reason);
        let fits = is == (expected.status, expected.name, expected.loan) && reason_fits;
        let Expected { status, name, reason, loan } = expected;
        Ok((!fits).then(|| {
            let user = self.user;
            format!(
                "customer {user} is {is:?} with the reason {:?}, not {:?} with {reason:?}",
                customer.reason,
                (status, name, loan)
            )
        }))
    }

    async fn until(&self, lending: &Lending, expected: &Expected<'_>) -> anyhow::Result<Option<String>> {
        let until = Instant::now() + DECISION_TIMEOUT;
        loop {
            // Retry after an error of a service that was just killed.
            let differs = self.differs(lending, expected).await;
            match differs {
                Ok(None) => return Ok(None),
                differs if Instant::now() >= until => return differs,
                _ => sleep(POLL_INTERVAL).await,
            }
        }
    }
}

const VERIFIED: Expected<'static> = Expected { status: "VERIFIED", name: NAME, reason: "", loan: "unknown" };

/// Tests each kind of customer: new and approved, new and refused, and verified but then changed to data that is
/// refused.
async fn silent(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    let (lending, bank) = (experiment.cluster.lending()?, experiment.cluster.bank()?);
    let mut done = Injection::default();
    let each = experiment.scale(4, 2);
    let applicants = Applicant::some(experiment, each * 3).await?;
    let (new, changed) = applicants.split_at(each * 2);
    for applicant in changed {
        lending.create(&applicant.session, NAME).await?;
        done.problems.extend(applicant.until(&lending, &VERIFIED).await?);
    }
    experiment.cluster.checker.be(KycMode::Silent);
    let asked = experiment.cluster.checker.questions().len();
    let name = |place: usize| if place.is_multiple_of(2) { NAME } else { DECLINED_NAME };
    for (place, applicant) in new.iter().enumerate() {
        lending.create(&applicant.session, name(place)).await?;
    }
    for applicant in changed {
        lending.update(&applicant.session, DECLINED_NAME, 2).await?;
    }
    let loans: Vec<ApprovedLoan> = applicants.iter().map(|applicant| applicant.loan.clone()).collect();
    bank.approve(&loans).await?;
    sleep(experiment.lasting).await;
    for (place, applicant) in applicants.iter().enumerate() {
        let name = if place < new.len() { name(place) } else { DECLINED_NAME };
        let held = Expected { status: "KYC_PENDING", name, reason: "", loan: "held" };
        done.problems.extend(applicant.differs(&lending, &held).await?);
    }
    done.times = experiment.cluster.checker.questions().len() - asked;
    experiment.cluster.checker.be(KycMode::Well);
    experiment.cause_removed();
    for (place, applicant) in new.iter().enumerate() {
        let expected = if name(place) == NAME {
            Expected { loan: "credited", ..VERIFIED }
        } else {
            Expected { status: "REJECTED", name: DECLINED_NAME, reason: "KYC_REFUSED", loan: "refused" }
        };
        done.problems.extend(applicant.until(&lending, &expected).await?);
    }
    for applicant in changed {
        let restored = Expected { reason: "KYC_ROLLED_BACK", loan: "credited", ..VERIFIED };
        done.problems.extend(applicant.until(&lending, &restored).await?);
    }
    done.notes.push(format!("{} questions without an answer about {} customers", done.times, applicants.len()));
    Ok(Injected::Done(done))
}

async fn five_times(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    let (lending, bank) = (experiment.cluster.lending()?, experiment.cluster.bank()?);
    let applicants = Applicant::some(experiment, experiment.scale(20, 5)).await?;
    let mut before = Vec::new();
    for applicant in &applicants {
        lending.create(&applicant.session, NAME).await?;
        before.push(lending.balance(&applicant.session, applicant.user).await?);
    }
    let mut loans: Vec<ApprovedLoan> = applicants.iter().flat_map(|one| vec![one.loan.clone(); 5]).collect();
    loans.shuffle(&mut experiment.random);
    let rounds = 5;
    for (round, part) in loans.chunks(loans.len().div_ceil(rounds)).enumerate() {
        bank.approve(part).await?;
        for service in [&customers::SERVICE, &payment::SERVICE] {
            let number = round % experiment.cluster.replicas.count(service);
            let replica = experiment.cluster.replicas.get(service, number)?;
            replica.kill().await;
            replica.start(&[])?;
        }
        sleep(Duration::from_secs(2)).await;
    }
    let mut done = Injection::at_least_one(loans.len(), "no loan was approved");
    let again = if experiment.cluster.servers.broker.real().is_ok() {
        read_again(experiment).await?
    } else {
        // Only members can move the mock's offsets, so the loans are published again instead.
        bank.approve(&loans).await?;
        loans.len()
    };
    experiment.cause_removed();
    let credited = Expected { loan: "credited", ..VERIFIED };
    for (applicant, before) in applicants.iter().zip(before) {
        done.problems.extend(applicant.until(&lending, &credited).await?);
        let balance = lending.balance(&applicant.session, applicant.user).await?;
        if balance != before + AMOUNT {
            let user = applicant.user;
            done.problems.push(format!("the balance of user {user} was {before}, and with {AMOUNT} is {balance}"));
        }
    }
    done.notes.push(format!("{} records of {} loans, {again} read again", loans.len(), applicants.len()));
    Ok(Injected::Done(done))
}

/// Makes customers read every loan again. Returns the number of records.
async fn read_again(experiment: &mut Experiment) -> anyhow::Result<usize> {
    experiment.cluster.replicas.kill(&customers::SERVICE).await;
    let records = topics::rewind(&experiment.cluster, LOAN_APPROVED).await?;
    experiment.cluster.replicas.revive(&customers::SERVICE).await?;
    let left = async || topics::uncommitted_from_outside(&experiment.cluster, LOAN_APPROVED).await;
    let all = until(READ_TIMEOUT, async || Ok(left().await? == 0)).await?;
    anyhow::ensure!(all, "not all loans are read again within {READ_TIMEOUT:?}");
    Ok(records)
}
