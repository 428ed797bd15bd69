#!/usr/bin/env bats
# Synthetic captures before those who look at real ones: tshark, tcptrace and Suricata find the sessions that the ground
# truth says, and nothing to complain of.
# shellcheck disable=SC2154 # bats sets BATS_FILE_TMPDIR

setup_file()
{
    local how

    load helpers
    cd "$BATS_FILE_TMPDIR" || return
    xz -dc "$BUNDLED_CAPTURE" > sample.pcap
    dayshift learn -q -o sample.dsm sample.pcap
    for how in none learned; do
        dayshift day -q --for 1h --impairments $how -o day-$how.pcap --truth day-$how.csv sample.dsm
        dayshift sessions -q -n 2000 --impairments $how -o sessions-$how.pcap --truth sessions-$how.csv sample.dsm
    done
}

setup()
{
    load helpers
    AGREE=$SOURCE/contrib/eval/agree.py
    cd "$BATS_FILE_TMPDIR" || return
}

# fields CAPTURE: NAME.fields for agree.py; made once
fields()
{
    local how

    read -ra how < <(python3 "$AGREE" fields)
    [ -e "$1.fields" ] || tshark -n -r "$1.pcap" -Y 'tcp && !icmp' -T fields "${how[@]}" > "$1.fields" 2> /dev/null
}

# remarks CAPTURE EXCEPT: what tshark says of the capture, but for remarks that match: of every kind how many frames. Always
# left out are what it says of real captures just so: SYN, FIN and RST, windows, ports that come again, an attempt to connect
# that is repeated, and what Wireshark 4.0 makes of OpenSSH's key exchange; and its guesses at ports that nobody owns.
remarks()
{
    tshark -n -o tcp.check_checksum:TRUE -o ip.check_checksum:TRUE -o udp.check_checksum:TRUE --disable-protocol thrift \
        -r "$1.pcap" -Y '_ws.expert.severity >= 0x600000 || tcp.analysis.flags' \
        -T fields -E occurrence=a -E aggregator='|' -e _ws.col.Protocol -e tcp.flags.syn -e _ws.expert.message 2> /dev/null |
        awk -F '\t' -v OFS='\t' -v except="$2" '{
            count = split($3, message, "|")
            for (i = 1; i <= count; i++) {
                if (message[i] ~ /^(TCP window (update|specified by the receiver is now completely full)|Connection (reset|finish|establish)|A new tcp session|This frame (initiates|undergoes))/ ||
                    message[i] ~ /^Decoded [0-9]+ bytes, but packet/ || ($2 == 1 && message[i] ~ /retransmission/) ||
                    (except != "" && message[i] ~ except))
                    continue
                print $1, message[i]
            }
        }' | sort | uniq -c
}

@test "sensors: tshark finds packets, bytes and endings of every session" {
    need tshark python3
    for capture in {day,sessions}-{none,learned}; do
        fields "$capture"
        python3 "$AGREE" "$capture.csv" tshark "$capture.fields"
    done
}

@test "sensors: tcptrace finds packets, bytes and endings of every session" {
    need tcptrace tshark python3
    for capture in {day,sessions}-{none,learned}; do
        fields "$capture"
        tcptrace -n -l --csv "$capture.pcap" > "$capture.tcptrace"
        python3 "$AGREE" "$capture.csv" tcptrace "$capture.tcptrace" --payload "$capture.fields"
    done
}

# Of SSH and MQTT this tshark reads no header that two segments share: such segments are malformed for it, as TCP's or their own.
@test "sensors: tshark remarks on nothing but what the network did" {
    need tshark
    for capture in {day,sessions}-{none,learned}; do
        except=
        [[ "$capture" != *-learned ]] || except='retransmission|out-of-order|Duplicate ACK|Previous segment'
        remarks "$capture" "$except" > said
        awk '/(SSHv2|MQTT|TCP)\tMalformed Packet/ { few += $1; next } { other = 1 } END { exit other || few > 20 }' said ||
            complain "$capture:" "$(cat said)"
    done
}

@test "sensors: Suricata finds fewer anomalies than in the real capture, and every complete connection" {
    need suricata jq python3
    suricata -V | grep -q 'version 7\.' || skip "no Suricata 7"
    mkdir suricata
    "$SOURCE/contrib/eval/suricata.sh" "$DAYSHIFT" suricata sample=sample.pcap > table || complain "$(cat table)"
    awk 'NR > 2 && !($8 > 500 && $9 == 0 && $10 == 0) { exit 1 }' table || complain "$(cat table)"
    [ "$(wc -l < table)" = 6 ]
}
