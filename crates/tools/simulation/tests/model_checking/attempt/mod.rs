//! A model of the payment of an order. Two requests and two reconcilers work on the order, the user or the deadline
//! cancels it, and other orders buy its parts. Responses arrive, arrive late, or are lost, and a process may crash at
//! every step.
//!
//! Transitions and decisions are those of `order::model` and `payment::model`. The model simplifies: a request to
//! inventory takes effect when it is sent, or never; orders are neither built nor undone once paid; and there is no
//! clock, so any action may happen next.

mod payment;
mod protocol;
mod state;

use order::model::{Confirmation, Step};
use simulation::Change;
use stateright::{Checker as _, Model, Property};

use self::{
    protocol::Protocol,
    state::{Entry, MAX_ATTEMPTS, PROCESSES, Process, REQUESTS, State, index},
};
use crate::goal::stuck;

const RECORDED: &str = "a recording of each step is accepted";

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// A request starts an attempt, or takes over the current one.
    Starts(usize),
    /// A reconciler takes over the attempt.
    Takes(usize),
    /// The process calls inventory. Request and response arrive, only the request arrives, or neither does.
    Asks(usize, Arrives),
    /// The process calls payment.
    Sends(usize),
    /// The process's request reaches payment, which calls the provider.
    Reaches(usize),
    /// The process receives payment's response.
    Hears(usize),
    /// The process stops waiting. Its request may reach payment later.
    GivesUp(usize),
    /// The process writes its decision.
    Writes(usize),
    Dies(usize),
    LateCharge(u32),
    LateVoid(u32),
    Charges(u32),
    Declines(u32),
    Settles(u32),
    /// The provider accepts a request, with this number, to refund the charge.
    AcceptsRefund(u32, u32),
    Refunds(u32),
    /// The refund of this request fails.
    FailsRefund(u32, u32),
    /// Payment learns the state of the refund.
    HearsRefund(u32),
    /// The reservation expires.
    Expires,
    OthersBuy,
    OthersGiveBack,
    /// The user cancels the order, or the payment deadline passes.
    Cancel,
    PaymentHears,
    InventoryHears,
    /// Order receives the event about an attempt that payment has settled.
    OrderHears(u32),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Arrives {
    Both,
    RequestAlone,
    Nothing,
}

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::new()]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for process in 0..PROCESSES {
            actions.extend(match state.processes[process] {
                Process::Idle if process < REQUESTS => vec![Action::Starts(process)],
                Process::Idle if state.rows.order.attempt.is_some() => vec![Action::Takes(process)],
                Process::Idle | Process::Gone => Vec::new(),
                Process::Confirms(_) | Process::Goes(_, Step::ConfirmCharged) => {
                    let arrives = [Arrives::Both, Arrives::RequestAlone, Arrives::Nothing];
                    arrives.map(|arrives| Action::Asks(process, arrives)).into()
                }
                Process::Goes(_, Step::Charge | Step::Void) => vec![Action::Sends(process)],
                Process::Goes(_, Step::End(_)) => vec![Action::Writes(process)],
                Process::Goes(_, Step::AskLater) => vec![Action::Dies(process)],
                Process::Waits(_, Step::Charge) => {
                    vec![Action::Reaches(process), Action::Hears(process), Action::GivesUp(process)]
                }
                Process::Waits(..) => vec![Action::Hears(process), Action::GivesUp(process)],
            });
            if !matches!(state.processes[process], Process::Idle | Process::Gone | Process::Goes(_, Step::AskLater)) {
                actions.push(Action::Dies(process));
            }
        }
        for attempt in 1..=MAX_ATTEMPTS {
            let late = state.late[index(attempt)];
            actions.extend(late.charge.then_some(Action::LateCharge(attempt)));
            actions.extend(late.void.then_some(Action::LateVoid(attempt)));
        }
        for attempt in state.pending() {
            if state.books[index(attempt)] == Entry::None {
                actions.extend([Action::Charges(attempt), Action::Declines(attempt)]);
            } else {
                actions.push(Action::Settles(attempt));
            }
        }
        actions.extend(state.completed().map(|(attempt, _)| Action::OrderHears(attempt)));
        for (attempt, request) in state.refunding() {
            actions.extend(state.refund_actions(attempt, request.number));
        }
        actions.extend([
            Action::Expires,
            Action::OthersBuy,
            Action::OthersGiveBack,
            Action::Cancel,
            Action::PaymentHears,
            Action::InventoryHears,
        ]);
    }

    fn next_state(&self, before: &State, action: Action) -> Option<State> {
        let mut state = before.clone();
        self.act(&mut state, action);
        let state = state.canonical();
        (state != *before).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut all = vec![
            Property::always("at most one charge", |_, state: &State| state.charged().count() <= 1),
            Property::always("what is charged ends as paid, and never as if it were not", |_, state: &State| {
                use order::model::Status;
                state.rows.order.status != Status::Cancelled
                    || state.rows.order.payment.is_some()
                    || state.charged().count() == 0
            }),
            Property::always("a paid order is charged", |_, state: &State| {
                use order::model::Status;
                let by = state.rows.order.payment.map(|(_, transaction)| transaction);
                state.rows.order.status != Status::Paid
                    || state.charged().map(state::transaction).collect::<Vec<_>>() == Vec::from_iter(by)
            }),
            Property::always("a charge that payment calls refunded is", |_, state: &State| !state.refunded_too_early()),
            Property::always("in the end a charge stands for a paid order alone", |_, state: &State| {
                use order::model::Status;
                !state.is_over() || state.standing() == usize::from(state.rows.order.status == Status::Paid)
            }),
            Property::always(RECORDED, |_, state: &State| !state.unjustified),
            Property::sometimes("an order is paid", |_, state: &State| {
                state.is_over() && state.rows.order.status == order::model::Status::Paid
            }),
            Property::sometimes("an order is cancelled", |_, state: &State| {
                state.is_over() && state.rows.order.status == order::model::Status::Cancelled
            }),
        ];
        if self.fenced {
            all.push(Property::sometimes("a void attempt is asked to be charged", |_, state: &State| {
                state.books.iter().all(|entry| *entry == Entry::None)
                    && !state.rows.payments.is_empty()
                    && state.processes.iter().any(|process| matches!(process, Process::Waits(_, Step::Charge)))
            }));
            all.push(Property::always("no charged order loses its parts", |_, state: &State| {
                use order::model::AttemptEnd;
                let undoes =
                    |process: &Process| matches!(process, Process::Goes(_, Step::End(AttemptEnd::Compensated)));
                !state.processes.iter().any(undoes)
            }));
        }
        all
    }
}

impl Protocol {
    fn act(&self, state: &mut State, action: Action) {
        match action {
            Action::Starts(process) => Self::start(state, process),
            Action::Takes(process) => Self::take(state, process),
            Action::Asks(process, arrives) => self.ask_inventory(state, process, arrives),
            Action::Sends(process) => {
                if let Process::Goes(lease, step) = state.processes[process] {
                    state.processes[process] = Process::Waits(lease, step);
                }
            }
            Action::Reaches(process) => {
                if let Process::Waits(lease, _) = state.processes[process] {
                    state.record(lease.attempt.number.unsigned_abs());
                }
            }
            Action::Hears(process) => Self::hear(state, process),
            Action::GivesUp(process) => Self::give_up(state, process),
            Action::Writes(process) => self.write(state, process),
            Action::Dies(process) => state.processes[process] = Self::after_work(process),
            Action::LateCharge(attempt) => {
                state.late[index(attempt)].charge = false;
                state.record(attempt);
            }
            Action::LateVoid(attempt) => {
                state.late[index(attempt)].void = false;
                state.void_attempt(attempt);
            }
            Action::Charges(attempt) => state.books[index(attempt)] = Entry::Charged,
            Action::Declines(attempt) => state.books[index(attempt)] = Entry::Declined,
            Action::Settles(attempt) => state.settle(attempt),
            Action::AcceptsRefund(attempt, number) => state.books[index(attempt)] = Entry::RefundPending(number),
            Action::Refunds(attempt) => state.books[index(attempt)] = Entry::Refunded,
            Action::FailsRefund(attempt, number) => state.books[index(attempt)] = Entry::RefundFailed(number),
            Action::HearsRefund(attempt) => state.hear_refund(attempt),
            Action::Expires => state.expire(),
            Action::OthersBuy => state.sold |= !state.holds_parts(),
            Action::OthersGiveBack => state.sold = false,
            Action::Cancel => state.write(&Change::Cancel),
            Action::OrderHears(attempt) => state.hear_completion(attempt),
            Action::PaymentHears => {
                if state.is_cancelled() && !state.payment_told {
                    state.hear_cancellation();
                }
            }
            Action::InventoryHears => {
                if state.is_cancelled() && !state.inventory_told {
                    state.release();
                }
            }
        }
    }
}

fn check(fenced: bool) -> impl stateright::Checker<Protocol> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    Protocol { fenced }.checker().threads(threads).spawn_bfs().join()
}

#[test]
fn however_it_goes_an_order_is_charged_once_and_becomes_paid_or_is_given_its_money_back() {
    let start = std::time::Instant::now();

    let checked = check(true);
    checked.assert_properties();

    println!("an order's protocol: {} states in {:.1?}", checked.unique_state_count(), start.elapsed());
}

#[test]
fn no_state_of_an_order_is_stuck() {
    let start = std::time::Instant::now();

    let (stuck, states) = stuck(&Protocol { fenced: true }, State::is_over);

    assert_eq!(stuck, None);
    println!("none of {states} states is stuck, in {:.1?}", start.elapsed());
}

#[test]
fn without_epochs_and_voids_a_charged_order_is_cancelled() {
    let checked = check(false);

    let path = checked.assert_any_discovery("what is charged ends as paid, and never as if it were not");
    println!("{:#?}\n{} states", path.into_actions(), checked.unique_state_count());
    checked.assert_any_discovery(RECORDED);
    // The cancelled order's charge is refunded in the end.
    checked.assert_no_discovery("at most one charge");
    checked.assert_no_discovery("in the end a charge stands for a paid order alone");
}

pub fn confirmation(held: bool) -> Confirmation {
    if held { Confirmation::Held } else { Confirmation::Refused }
}
