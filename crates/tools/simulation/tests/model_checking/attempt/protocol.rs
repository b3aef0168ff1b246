//! The steps of the processes, as in `order::service`, and inventory's steps for them.

use inventory::model::Status as Reservation;
use order::model::{Action, AttemptEnd, AttemptLease, Charge, Confirmation, PaymentMethod, Status, Step};
use simulation::Change;

use super::{
    Arrives, confirmation,
    state::{MAX_ATTEMPTS, Process, REQUESTS, State, index, transaction},
};

/// The current protocol (`fenced`) or the previous one. In the previous one, attempts had no epoch, a process whose
/// parts were refused cancelled the order regardless of other processes, and a process that could not reach inventory
/// abandoned the attempt unless it was shared.
pub struct Protocol {
    pub fenced: bool,
}

impl Protocol {
    pub fn start(state: &mut State, process: usize) {
        let order = &state.rows.order;
        let begins = order.attempts < MAX_ATTEMPTS.cast_signed() && order.check(Action::Pay).is_ok();
        if begins {
            state.write(&Change::Begin(PaymentMethod::Card));
        } else if order.attempt.is_some() {
            return Self::take(state, process);
        }
        let lease = state.rows.lease(false).filter(|_| begins);
        state.processes[process] = lease.map_or(Process::Gone, Process::Confirms);
    }

    pub fn take(state: &mut State, process: usize) {
        state.write(&Change::Take);
        if let Some(lease) = state.rows.lease(true) {
            state.processes[process] = Process::Confirms(lease);
        }
    }

    pub fn ask_inventory(&self, state: &mut State, process: usize, arrives: Arrives) {
        let response = if arrives == Arrives::Nothing { Confirmation::Unknown } else { confirmation(state.confirm()) };
        let heard = if arrives == Arrives::Both { response } else { Confirmation::Unknown };
        state.processes[process] = match state.processes[process] {
            Process::Confirms(lease) => Process::Goes(lease, self.after_confirmation(&lease, heard)),
            Process::Goes(lease, Step::ConfirmCharged) => Process::Goes(lease, Step::after_confirming_charged(heard)),
            other => other,
        };
    }

    fn after_confirmation(&self, lease: &AttemptLease, confirmation: Confirmation) -> Step {
        match (self.fenced, confirmation) {
            (true, _) | (false, Confirmation::Held) => lease.after_confirmation(confirmation),
            (false, Confirmation::Refused) => Step::End(AttemptEnd::Cancelled),
            (false, Confirmation::Unknown) => Step::End(AttemptEnd::Abandoned),
        }
    }

    pub fn hear(state: &mut State, process: usize) {
        let Process::Waits(lease, step) = state.processes[process] else { return };
        let attempt = lease.attempt.number.unsigned_abs();
        let next = if step == Step::Void {
            Step::after_void(state.void_attempt(attempt).0)
        } else if let Some((charge, _)) = state.rows.charge_response(attempt) {
            Step::after_charge(charge)
        } else {
            return;
        };
        state.processes[process] = Process::Goes(lease, next);
    }

    pub fn give_up(state: &mut State, process: usize) {
        let Process::Waits(lease, step) = state.processes[process] else { return };
        let late = &mut state.late[index(lease.attempt.number.unsigned_abs())];
        if step == Step::Void {
            late.void = true;
        } else {
            late.charge = true;
        }
        let next =
            if step == Step::Void { Step::after_void(Charge::Unknown) } else { Step::after_charge(Charge::Unknown) };
        state.processes[process] = Process::Goes(lease, next);
    }

    pub fn write(&self, state: &mut State, process: usize) {
        let Process::Goes(lease, Step::End(ending)) = state.processes[process] else { return };
        state.processes[process] = Self::after_work(process);
        let number = lease.attempt.number;
        let under_way = state.rows.order.attempt.is_some_and(|attempt| attempt.number == number);
        if !under_way || !self.is_open(ending, &lease, state) {
            return;
        }
        // Payment's response named the transaction. At most one attempt can have been charged, so it was this one's.
        let charge = state.charged().next().map(transaction);
        state.write(&Change::End(ending, charge));
    }

    fn is_open(&self, ending: AttemptEnd, lease: &AttemptLease, state: &State) -> bool {
        if self.fenced {
            return ending.is_open_to(lease, state.rows.epoch, state.rows.shared);
        }
        ending != AttemptEnd::Abandoned || !state.rows.shared
    }

    pub fn after_work(process: usize) -> Process {
        if process < REQUESTS { Process::Gone } else { Process::Idle }
    }
}

impl State {
    /// Inventory confirms the reservation if that is still possible. Returns whether it is confirmed.
    fn confirm(&mut self) -> bool {
        match self.reservation {
            Reservation::Held | Reservation::Confirmed => self.reservation = Reservation::Confirmed,
            Reservation::Expired if !self.sold => self.reservation = Reservation::Confirmed,
            Reservation::Expired | Reservation::Released | Reservation::Committed => return false,
        }
        true
    }

    pub fn holds_parts(&self) -> bool {
        self.reservation.holds_stock()
    }

    pub fn expire(&mut self) {
        if self.reservation == Reservation::Held {
            self.reservation = Reservation::Expired;
        }
    }

    pub fn release(&mut self) {
        self.inventory_told = true;
        self.reservation = Reservation::Released;
    }

    pub fn is_cancelled(&self) -> bool {
        self.rows.order.status == Status::Cancelled
    }
}
