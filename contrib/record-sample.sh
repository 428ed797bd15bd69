#!/bin/bash
# Record a day of a small office.
#
# The office is made of network namespaces on this machine, joined by a bridge
# in a namespace of its own.  Real programs run in them.  tcpdump records all
# that crosses the bridge.  The machine's own interfaces are not used.
# See docs/sample.md.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
minutes=25
output=sample.pcap
seed=2026
logs=
install=no

usage() {
	cat <<-TEXT
		usage: record-sample.sh [options]
		Record a small office that lives in network namespaces (needs root).

		  --minutes N    how long to record (default 25)
		  -o FILE        the recording (default sample.pcap).  FILE.zst and FILE.xz
		                 are tried and the smaller one is kept; if FILE ends in
		                 .zst or .xz that one is written
		  --seed N       seed of the random choices (default 2026)
		  --keep-logs D  copy the logs of all programs and the plain recording to D
		  --install      first install the programs with apt-get (Debian 12)
		  --help         this text
	TEXT
}

say() { printf '%s\n' "$*"; }
die() {
	printf 'record-sample.sh: %s\n' "$*" >&2
	exit 1
}

while [ $# -gt 0 ]; do
	case $1 in
	--minutes | -o | --seed | --keep-logs)
		[ $# -ge 2 ] || die "$1 needs a value (see --help)"
		case $1 in
		--minutes) minutes=$2 ;;
		-o) output=$2 ;;
		--seed) seed=$2 ;;
		--keep-logs) logs=$2 ;;
		esac
		shift
		;;
	--install) install=yes ;;
	--help | -h)
		usage
		exit 0
		;;
	*) die "unknown option $1 (see --help)" ;;
	esac
	shift
done
case $minutes in '' | *[!0-9]* | 0*) die "--minutes needs a number from 1" ;; esac
[ "$minutes" -le 1440 ] || die "--minutes: a day (1440) is the most"
case $seed in '' | *[!0-9]*) die "--seed needs a number" ;; esac
[ "$(id -u)" = 0 ] || die "must run as root"
[ -d "$(dirname "$output")" ] || die "no directory for $output"
[ -z "$logs" ] || mkdir -p "$logs"

# ------------------------------------------------------- programs it needs

packages=(iproute2 tcpdump nginx-light postfix dovecot-imapd vsftpd
	dnsmasq-base openssh-server openssh-client chrony snmpd snmp
	iputils-ping curl mosquitto mosquitto-clients socat msmtp swaks openssl
	ethtool nftables zstd xz-utils gcc libc6-dev procps bsdutils util-linux)
programs=(ip tcpdump nginx postfix postconf dovecot vsftpd dnsmasq sshd ssh
	scp ssh-keygen chronyd snmpd snmpget snmpwalk snmpbulkwalk ping curl mosquitto
	mosquitto_pub mosquitto_sub socat msmtp swaks openssl ethtool nft zstd xz
	gcc sysctl logger unshare flock timeout hostname)

# Installing must not start any service on this machine.
install_packages() {
	local policy=/usr/sbin/policy-rc.d saved=
	if [ -e $policy ]; then
		saved=$policy.before-record-sample
		mv $policy $saved
	fi
	printf '#!/bin/sh\nexit 101\n' >$policy
	chmod 755 $policy
	local rc=0
	{
		echo "postfix postfix/main_mailer_type select No configuration" |
			debconf-set-selections &&
			export DEBIAN_FRONTEND=noninteractive &&
			apt-get -o DPkg::Lock::Timeout=300 update &&
			apt-get -o DPkg::Lock::Timeout=300 install -y \
				--no-install-recommends "${packages[@]}"
	} || rc=$?
	rm -f $policy
	[ -z "$saved" ] || mv $saved $policy
	[ $rc = 0 ] || die "the installation failed"
}

PATH=/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin
[ $install = no ] || install_packages
missing=()
for p in "${programs[@]}"; do
	command -v "$p" >/dev/null || missing+=("$p")
done
[ ${#missing[@]} = 0 ] ||
	die "these programs are missing: ${missing[*]} (--install gets them on Debian 12)"

# ---------------------------------------------------------------- clean up

exec 9>/run/lock/dsrec.lock
flock -n 9 || die "another recording is running"

tmp=$(mktemp -d /tmp/dsrec.XXXXXX)
chmod 755 "$tmp"
host_pids=()
tool_pids=()

remove_namespaces() {
	local ns
	for ns in $(ip netns list | sed -n 's/^\(dsrec-[^ ]*\).*/\1/p'); do
		ip netns del "$ns" || :
	done
}

# The first process of a host takes all the others of that host with it.
end_processes() {
	local p
	for p in "${host_pids[@]}" "${tool_pids[@]}"; do
		kill -KILL "$p" 2>/dev/null || :
	done
	for p in "${host_pids[@]}" "${tool_pids[@]}"; do
		while kill -0 "$p" 2>/dev/null; do sleep 0.1; done
	done
	host_pids=()
	tool_pids=()
}

clean_up() {
	local rc=$?
	trap - EXIT
	trap '' INT TERM HUP
	end_processes
	remove_namespaces
	rm -rf "$tmp"
	exit $rc
}
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
remove_namespaces # of a recording that was killed

# ------------------------------------------------------------- the network

# name, address, delay and jitter of its cable (microseconds, one way), kbit/s
office="
gw       10.20.0.1     40   20 1000000
dns      10.20.0.2     60   30  100000
time     10.20.0.3     60   30  100000
mail     10.20.0.4     60   40  100000
web      10.20.0.5     50   30 1000000
files    10.20.0.6     50   30 1000000
build    10.20.0.7     60   40 1000000
mqtt     10.20.0.8     80   60  100000
monitor  10.20.0.9     60   30  100000
printer  10.20.0.20   300  250   10000
therm    10.20.0.31   900 1600    2000
meter    10.20.0.32   700 1200    2000
door     10.20.0.33  1000 1500    2000
display  10.20.0.40   500  700   20000
anna     10.20.0.101  100   80  100000
ben      10.20.0.102  110   80  100000
clara    10.20.0.103  100   80  100000
david    10.20.0.104   90   60 1000000
eva      10.20.0.105  600 1500   30000
"
outside="
www      203.0.113.10  9000 3000  50000
ns       203.0.113.53  7000 1500  50000
mx       203.0.113.25 12000 4000  20000
"

inside() { ip netns exec "dsrec-$1" "${@:2}"; }

new_namespace() {
	ip netns add "dsrec-$1"
	inside "$1" sysctl -q -w net.ipv6.conf.all.disable_ipv6=1 \
		net.ipv6.conf.default.disable_ipv6=1
	inside "$1" ip link set lo up
}

new_bridge() { # NAMESPACE
	new_namespace "$1"
	ip -n "dsrec-$1" link add br0 address "02:d5:00:00:ff:$2" type bridge
	ip -n "dsrec-$1" link set br0 up
}

# no work left to network cards that do not exist: the frames are whole
plain_frames() { # NAMESPACE INTERFACE
	local o
	for o in tx rx sg tso gso gro; do
		inside "$1" ethtool -K "$2" $o off >/dev/null 2>&1 || :
	done
}

# plug SWITCH NAMESPACE INTERFACE ADDRESS: an interface, and a cable in two
# halves to the bridge; wire joins the halves
plug() {
	local sw=$1 ns=$2 if=$3 ip=$4 mac a b c d i
	IFS=. read -r a b c d <<<"$ip"
	mac=$(printf '02:d5:%02x:%02x:%02x:%02x' "$a" "$b" "$c" "$d")
	ip -n "dsrec-$sw" link add "a-$ns" type veth peer name "$if" netns "dsrec-$ns"
	ip -n "dsrec-$sw" link add "b-$ns" type veth peer name "p-$ns"
	ip -n "dsrec-$ns" link set "$if" address "$mac"
	plain_frames "$ns" "$if"
	for i in a b p; do
		plain_frames "$sw" "$i-$ns"
	done
	ip -n "dsrec-$sw" link set "p-$ns" master br0
	for i in a b p; do
		ip -n "dsrec-$sw" link set "$i-$ns" up
	done
	ip -n "dsrec-$ns" addr add "$ip/24" dev "$if"
	ip -n "dsrec-$ns" link set "$if" up
}

hosts=()
addresses=()
started=()

add_hosts() { # SWITCH GATEWAY LIST
	local name ip delay jitter rate cables=()
	while read -r name ip delay jitter rate; do
		[ -n "$name" ] || continue
		new_namespace "$name"
		plug "$1" "$name" eth0 "$ip"
		cables+=("a-$name:b-$name:$delay:$jitter:$rate")
		[ "$name" = gw ] || ip -n "dsrec-$name" route add default via "$2"
		hosts+=("$name")
		addresses+=("$ip")
	done <<<"$3"
	if [ "$1" = far ]; then
		plug far gw eth1 203.0.113.1
		cables+=("a-gw:b-gw:100:50:1000000")
	fi
	ip netns exec "dsrec-$1" "$tmp/wire" "${cables[@]}" 2>>"$tmp/log/wire" 9>&- &
	tool_pids+=($!)
	disown
}

build_network() {
	gcc -std=c11 -O2 -o "$tmp/wire" "$here/sample/wire.c" ||
		die "cannot compile sample/wire.c"
	new_bridge lan 01
	new_bridge far 02
	add_hosts lan 10.20.0.1 "$office"
	add_hosts far 203.0.113.1 "$outside"
	inside gw sysctl -q -w net.ipv4.ip_forward=1
}

# ------------------------------------------- what the hosts find on arrival

# make_words SEED: words in lines, the same for the same seed
make_words() {
	awk -v seed="$1" 'BEGIN {
		srand(seed)
		n = split("office paper order invoice meeting monday table chair " \
			"window coffee report number letter customer price list green " \
			"quarter budget plan review door light printer summer travel " \
			"contract copy draft open closed garden lunch train", w, " ")
		for (l = 0; l < 60; l++) {
			s = ""
			for (i = 6 + int(rand() * 8); i > 0; i--)
				s = s (s == "" ? "" : " ") w[1 + int(rand() * n)]
			print s "."
		}
	}'
}

# make_text BYTES TITLE: repeating text of about that size
make_text() {
	awk -v size="$1" -v title="$2" '
		{ line[NR] = $0 }
		END {
			print title
			for (k = 0; done < size; k++) {
				s = sprintf("%5d %s", k, line[1 + (k * 7 + k / 60) % NR])
				print s
				done += length(s) + 1
			}
		}' "$tmp/words"
}

make_site() { # NAME
	local d=$tmp/site/$1 i sizes
	mkdir -p "$d/small"
	sizes=(200 350 600 900 1400 2100 3000 4200 6000 8500 12000 17000 24000
		34000 48000 90000 400 800)
	for ((i = 0; i < 40; i++)); do
		make_text $((sizes[i * 7 % 18] + i * 13)) "page $i of $1" >"$d/p$i.html"
		make_text $((sizes[i * 5 % 11] + i * 9)) "/* style $i of $1 */" >"$d/a$i.css"
		make_text $((sizes[i * 11 % 12] + i * 5)) "/* script $i of $1 */" >"$d/a$i.js"
	done
	for ((i = 0; i < 20; i++)); do
		make_text $((250 + i * 160)) "page $i" >"$d/small/p$i.html"
		make_text $((200 + i * 70)) "/* style $i */" >"$d/small/a$i.css"
		make_text $((200 + i * 90)) "/* script $i */" >"$d/small/a$i.js"
	done
	make_text 300000 "handbook" >"$d/big0.txt"
	make_text 500000 "catalogue" >"$d/big1.txt"
	make_text 800000 "archive" >"$d/big2.txt"
	make_text 2300000 "film" >"$d/film.txt"
}

make_certificate() { # HOST NAME...
	local host=$1 n alt=
	shift
	for n; do alt=$alt${alt:+,}DNS:$n; done
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
		-days 30 -subj "/CN=$1" -addext "subjectAltName=$alt" \
		-keyout "$tmp/tls/$host.key" -out "$tmp/tls/$host.crt" 2>/dev/null
}

make_people() {
	local u id=2000 hash
	cp /etc/passwd "$tmp/etc/passwd"
	cp /etc/group "$tmp/etc/group"
	echo "root:*:19000:0:99999:7:::" >"$tmp/etc/shadow"
	for u in anna ben clara david eva backup; do
		id=$((id + 1))
		sed -i "/^$u:/d" "$tmp/etc/passwd" "$tmp/etc/group"
		hash=$(openssl passwd -6 "tea4$u")
		echo "$u:x:$id:$id::$tmp/home/$u:/bin/bash" >>"$tmp/etc/passwd"
		echo "$u:x:$id:" >>"$tmp/etc/group"
		echo "$u:$hash:19000:0:99999:7:::" >>"$tmp/etc/shadow"
		mkdir -p "$tmp/home/$u"
		make_text 3000 "notes of $u" >"$tmp/home/$u/notes.txt"
		make_text 9000 "build log" >"$tmp/home/$u/build.log"
		for i in 0 1 2 3 4 5 6 7 8 9 10 11; do
			make_text $((i * i * i * 60 + 800)) "document $i" >"$tmp/home/$u/doc$i.txt"
		done
		cp "$tmp/site/intranet/big1.txt" "$tmp/home/$u/archive.txt"
		chown -R $id:$id "$tmp/home/$u"
	done
	chmod 600 "$tmp/etc/shadow"
	ssh-keygen -q -t ed25519 -N '' -C office -f "$tmp/keys/key"
	cp "$tmp/keys/key.pub" "$tmp/keys/authorized"
}

make_etc() {
	local i n
	printf '%s\n' "passwd: files" "group: files" "shadow: files" \
		"hosts: files dns" "services: files" "protocols: files" \
		>"$tmp/etc/nsswitch.conf"
	printf '%s\n' "search office.example" "nameserver 10.20.0.2" \
		>"$tmp/etc/resolv.conf"
	for n in www ns mx; do
		echo "nameserver 203.0.113.53" >"$tmp/etc/resolv.conf.$n"
	done
	for i in "${!hosts[@]}"; do
		n=${hosts[i]}
		case ${addresses[i]} in
		10.*) n=$n.office.example ;;
		*) n=$n.partner.example ;;
		esac
		printf '%s\n' "127.0.0.1 localhost" "${addresses[i]} $n ${hosts[i]}" \
			>"$tmp/etc/hosts.${hosts[i]}"
		case ${addresses[i]} in 10.*)
			echo "host-record=$n,${addresses[i]}" >>"$tmp/etc/names"
			;;
		esac
	done
	for n in www.news shop.vendor www.vendor c{0..59}.cdn.news; do
		echo "host-record=$n.example,203.0.113.10"
	done >"$tmp/etc/names.far"
}

furnish() {
	mkdir -p "$tmp"/{etc,data,keys,tls,site,home}
	make_words "$seed" >"$tmp/words"
	make_site intranet
	make_site outside
	make_certificate web intranet.office.example web.office.example
	make_certificate www shop.vendor.example www.vendor.example www.news.example
	make_people
	make_etc
}

# --------------------------------------------------------------- recording

start_host() { # NAME
	local i
	for ((i = 0; i < ${#hosts[@]}; i++)); do
		[ "${hosts[i]}" != "$1" ] || break
	done
	[ -z "${started[i]:-}" ] || return 0
	started[i]=yes
	ip netns exec "dsrec-$1" env -i PATH="$PATH" LC_ALL=C.UTF-8 HOME="$tmp/data/$1" \
		DSREC="$tmp" HOST="$1" IP="${addresses[i]}" START="$start" END="$end" \
		SEED=$((seed + i * 101)) \
		unshare --mount --uts --ipc --pid --fork --kill-child --mount-proc \
		bash "$here/sample/host.sh" </dev/null >>"$tmp/log/$1.out" 2>>"$tmp/log/$1.err" 9>&- &
	host_pids+=($!)
	disown
	case $1 in ns | dns) sleep 1 ;; esac
}

record() {
	local i p dump
	ip netns exec dsrec-lan tcpdump -i br0 -n -s 0 -B 32768 -Z root \
		-w "$tmp/record.pcap" 2>"$tmp/log/tcpdump" 9>&- &
	dump=$!
	tool_pids+=("$dump")
	disown
	for i in 1 2 3 4 5 6 7 8 9 10; do
		grep -qs listening "$tmp/log/tcpdump" && break
		sleep 0.5
	done
	start=$((EPOCHSECONDS + 8))
	end=$((start + minutes * 60))
	# the name servers first: all others ask them as soon as they start
	for i in ns dns "${hosts[@]}"; do
		start_host "$i"
	done
	say "recording ${#hosts[@]} hosts for $minutes minutes"
	while ((EPOCHSECONDS < end + 2)); do
		kill -0 "$dump" 2>/dev/null || die "tcpdump stopped: $(cat "$tmp/log/tcpdump")"
		for p in "${host_pids[@]}"; do
			kill -0 "$p" 2>/dev/null ||
				die "a host ended early: $(tail -n 3 "$tmp"/log/*.err)"
		done
		sleep 2 &
		wait $!
	done
	kill -TERM "$dump"
	for ((i = 0; i < 100; i++)); do
		kill -0 "$dump" 2>/dev/null || break
		sleep 0.2
	done
	end_processes
}

save() {
	local plain=$tmp/record.pcap best
	case $output in
	*.zst) best=zst ;;
	*.xz) best=xz ;;
	*) best= ;;
	esac
	say "compressing"
	[ "$best" = xz ] || zstd -q -19 -o "$tmp/record.zst" "$plain"
	[ "$best" = zst ] || xz -9e -k -c "$plain" >"$tmp/record.xz"
	if [ -z "$best" ]; then
		best=zst
		[ "$(stat -c %s "$tmp/record.zst")" -le "$(stat -c %s "$tmp/record.xz")" ] || best=xz
		output=$output.$best
	fi
	cp "$tmp/record.$best" "$output"
	if [ -n "$logs" ]; then
		cp "$tmp"/log/* "$plain" "$logs"
	fi
}

# Flows are counted in both directions together: the same two addresses,
# ports and protocol are one flow.
summary() {
	say "recorded:   $(stat -c %s "$tmp/record.pcap") bytes, of which tcpdump lost" \
		"$(sed -n 's/ packets dropped by kernel//p' "$tmp/log/tcpdump")"
	say "written:    $output, $(stat -c %s "$output") bytes"
	tcpdump -nn -q -tt -r "$tmp/record.pcap" 2>/dev/null | awk '
		function addr(s) { match(s, /^[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+/); return substr(s, 1, RLENGTH) }
		function port(s) { sub(/^[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+\.?/, "", s); return s }
		NR == 1 { first = $1 }
		{ last = $1; packets++ }
		$2 == "ARP," { arp++ }
		$2 == "IP" {
			sub(/:$/, "", $5)
			a = addr($3); b = addr($5); host[a]++
			p = port($3); q = port($5)
			proto = $6
			sub(/,$/, "", proto)
			if (proto == "ICMP") {
				match($0, /id [0-9]+/)
				p = q = substr($0, RSTART, RLENGTH)
				if (RLENGTH < 0) p = q = "error"
				what = "ICMP"
			} else {
				proto = toupper(proto)
				s = p + 0 < q + 0 ? p : q
				if (s > 29999 && s < 31000) s = "ftp-data"
				what = proto " " s
			}
			k = a < b || (a == b && p < q) ? a " " p " " b " " q : b " " q " " a " " p
			k = proto " " k
			if (!(k in flow)) { flow[k] = 1; flows++; service[what]++ }
			of[what]++
		}
		END {
			for (h in host) hosts++
			printf "duration:   %.1f s\npackets:    %d (%d ARP)\nhosts:      %d\nflows:      %d\n",
				last - first, packets, arp, hosts, flows
			for (s in service)
				printf "  %-14s %6d flows %7d packets\n", s, service[s], of[s] | "sort -k3,3nr -k4,4nr"
		}'
	say "what the hosts did:"
	cat "$tmp"/log/*.did 2>/dev/null | sort | uniq -c | sed 's/^/  /'
	cat "$tmp"/log/*.http 2>/dev/null | sort | uniq -c | sed 's/^/  /'
}

mkdir -p "$tmp/log"
build_network
furnish
record
save
summary
