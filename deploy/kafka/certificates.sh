#!/usr/bin/env bash
# Makes the broker reload its certificates for new connections. Runs in the broker's container, with TLS only.
set -euo pipefail
sh /etc/shipyard/tls/own -
umask 077
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export KAFKA_HEAP_OPTS='-Xmx96m -XX:TieredStopAtLevel=1'
login='org.apache.kafka.common.security.plain.PlainLoginModule required'
printf '%s\n' security.protocol=SASL_SSL sasl.mechanism=PLAIN ssl.truststore.type=PEM ssl.truststore.location=/tmp/tls/ca.crt \
  "sasl.jaas.config=$login username=\"broker\" password=\"$BROKER_KAFKA_PASSWORD\";" >"$work/client.properties"
# The broker reads the files when the property is set, even to its current value. The truststore must contain the
# authority of the new certificate, so it is reloaded first.
for store in truststore=ca.crt keystore=keystore.pem; do
  /opt/kafka/bin/kafka-configs.sh --bootstrap-server kafka:19092 --command-config "$work/client.properties" --alter \
    --entity-type brokers --entity-name "$KAFKA_NODE_ID" \
    --add-config "listener.name.inside.ssl.${store%%=*}.location=/tmp/tls/${store#*=}" >/dev/null
done
