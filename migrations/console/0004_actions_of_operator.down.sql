drop index actions_of_operator;
