-- For the export of a user's data, which most users have no action in.
create index actions_of_operator on actions (operator_uuid, id);
