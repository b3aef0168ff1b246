#!/usr/bin/env bash
# Starts the broker with its users, which authenticate with SASL/PLAIN. Each variable USER_KAFKA_PASSWORD makes a user,
# such as `order`, `operator` and `broker`; OUTSIDE_PASSWORD and BANK_PASSWORD have those of `outside` and `bank`.
# `shipyard kafka-acls` gives the users their rights.
set -euo pipefail

login='org.apache.kafka.common.security.plain.PlainLoginModule required'
users=''
: "${BROKER_KAFKA_PASSWORD?is not set}"
for name in $(compgen -e | grep '_KAFKA_PASSWORD$') OUTSIDE_PASSWORD BANK_PASSWORD; do
  user=${name%%_*}
  user=${user,,}
  password=${!name:-}
  # The password becomes part of a quoted string in a properties file.
  case $password in
    '') echo "$name is not set" >&2; exit 1 ;;
    *[\"\\\$]* | *$'\n'*) echo "$name has a quote, a backslash, a dollar or a line break: choose another" >&2; exit 1 ;;
  esac
  case ${SHIPYARD_ENVIRONMENT-}:$password in
    production:*development-only*) echo "SHIPYARD_ENVIRONMENT: is production, where the published $name may not be used" >&2; exit 1 ;;
  esac
  users+=" user_$user=\"$password\""
  # The broker needs only variables that begin with KAFKA_, which become its properties.
  unset "$name"
  [ "$user" != broker ] || own="username=\"broker\" password=\"$password\""
done

export KAFKA_SASL_ENABLED_MECHANISMS=PLAIN KAFKA_SASL_MECHANISM_INTER_BROKER_PROTOCOL=PLAIN KAFKA_SASL_MECHANISM_CONTROLLER_PROTOCOL=PLAIN
export KAFKA_LISTENER_NAME_INSIDE_PLAIN_SASL_JAAS_CONFIG="$login $own$users;"
export KAFKA_LISTENER_NAME_OUTSIDE_PLAIN_SASL_JAAS_CONFIG="$login$users;"
# Only the broker connects to the controller.
export KAFKA_LISTENER_NAME_CONTROLLER_PLAIN_SASL_JAAS_CONFIG="$login $own user_broker=${own##*password=};"
export KAFKA_AUTHORIZER_CLASS_NAME=org.apache.kafka.metadata.authorizer.StandardAuthorizer
export KAFKA_SUPER_USERS=User:broker KAFKA_ALLOW_EVERYONE_IF_NO_ACL_FOUND=false
exec /etc/kafka/docker/run
