//! The refusals and failures that the console knows, by their codes. Another code is `UNKNOWN` to programs, and has no
//! text of its own.

/// The code, the title, and the explanation. Without an explanation, the service's message is shown.
type Refusal = (&'static str, &'static str, &'static str);

const REFUSALS: &[Refusal] = &[
    ("INVALID_CREDENTIALS", "Wrong login or password", "Check both, and try again."),
    ("ALREADY_EXISTS", "That account exists", "The login or the e-mail address is taken. Log in, or choose another."),
    ("INVALID_REQUEST", "Please check what you entered", ""),
    ("PAYLOAD_TOO_LARGE", "That is too much at once", "The form is too large to be read."),
    ("REQUEST_TIMEOUT", "That took too long", "Try again in a moment."),
    ("FORBIDDEN", "Not allowed", ""),
    ("USER_MISMATCH", "Not allowed", ""),
    ("MISSING_SESSION", "Your session has ended", "Log in, and try again."),
    ("INVALID_SESSION", "Your session has ended", "Log in, and try again."),
    ("NOT_FOUND", "There is no such page", "The address may have a typing error."),
    ("ORDER_NOT_FOUND", "There is no such order", "Perhaps it belongs to another account."),
    ("DELIVERY_NOT_FOUND", "There is no delivery", ""),
    ("PART_NOT_FOUND", "A part is gone", "The shop no longer has one of these parts. Choose another."),
    ("OUT_OF_STOCK", "Sold out", "Some parts are no longer available in that quantity. Nothing was charged."),
    ("PRICE_CHANGED", "A price has changed", "Look at the total again, then order."),
    ("INVALID_STATUS", "That is no longer possible", "The order's status has changed; see below."),
    ("INSUFFICIENT_FUNDS", "Your balance is too low", "Nothing was charged. Choose another way to pay."),
    ("PAYMENT_DECLINED", "The payment was declined", "Nothing was charged. Try again, or choose another way to pay."),
    ("PAYMENT_IN_PROGRESS", PAYING, PAYING_DETAIL),
    ("IDEMPOTENCY_IN_PROGRESS", PAYING, PAYING_DETAIL),
    (
        "PAYMENT_OUTCOME_UNKNOWN",
        "The payment takes longer",
        "We ask until it is known. You are charged once or not at all, and need not press again.",
    ),
    (
        "IDEMPOTENCY_KEY_REUSED",
        "That was sent already",
        "Only the first request counts; its result is below or under My orders.",
    ),
    (
        "TOO_MANY_RESERVED",
        "Your unpaid orders hold too many of a part",
        "Pay or cancel one of them, or order fewer of that part.",
    ),
    ("TOO_MANY_UNPAID_ORDERS", "Too many unpaid orders", "Pay one of them first, or come back tomorrow."),
    (
        "ORDERS_OPEN",
        "You still have open orders",
        "Cancel those that are not paid, and wait until the others have ended. Then delete your account.",
    ),
    ("TOO_MANY_REQUESTS", "Too many requests at once", "Try again in a moment."),
    ("DEPENDENCY_UNAVAILABLE", "A part of the shop does not answer", ""),
    ("SELF_DEALING", "Not in your own matter", "Another operator must decide it."),
    ("CONFLICT", "That is not possible now", ""),
    ("INTERNAL", "Something went wrong here", "It is our fault, and it is in our log. Try again."),
];

const PAYING: &str = "It is being paid already";
const PAYING_DETAIL: &str = "Wait a moment: you are charged once, however often you pressed.";

pub fn refusal(code: &str) -> Option<Refusal> {
    REFUSALS.iter().copied().find(|(own, ..)| *own == code)
}
