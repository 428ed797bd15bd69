#!/bin/bash
# One host of the small office recorded by ../record-sample.sh.
#
# It runs as the first process of a process namespace of its own, inside the
# network namespace of its host: when it ends, everything it started ends.
# The environment says which host this is:
#   DSREC       directory of this recording
#   HOST, IP    short name and address
#   START, END  when the day starts and ends, in seconds since 1970
#   SEED        number that fixes the random choices of this host
# Random choices inside a habit are seeded there, so this is meant:
# shellcheck disable=SC2030,SC2031,SC2153
set -u
: "$DSREC" "$HOST" "$IP" "$START" "$END" "$SEED"

DOMAIN=office.example
DATA=$DSREC/data/$HOST
LOG=$DSREC/log/$HOST
AGENT="Mozilla/5.0 (X11; Linux x86_64) Office/1.0"

# ---------------------------------------------------------------- the room

# Files in /etc that must speak of the office and not of this machine.  The
# mounts are seen by this host only.
move_in() {
	local f real
	mount --make-rprivate /
	mount -t tmpfs -o mode=755 dsrec /run
	for f in passwd group shadow hosts nsswitch.conf resolv.conf; do
		real=$(readlink -f "/etc/$f")
		mkdir -p "${real%/*}"
		[ -e "$real" ] || : >"$real"
		if [ -e "$DSREC/etc/$f.$HOST" ]; then
			mount --bind "$DSREC/etc/$f.$HOST" "$real"
		else
			mount --bind "$DSREC/etc/$f" "$real"
		fi
	done
	hostname "$HOST"
	mkdir -p "$DATA"
	cd "$DATA" || exit 1
}

# ------------------------------------------------------- time and accidents

running() { ((EPOCHSECONDS < END)); }

# during FROM TO: is it between these percents of the day?
during() {
	local p=$(((EPOCHSECONDS - START) * 100 / (END - START)))
	((p >= $1 && p < $2))
}

chance() { ((RANDOM % 100 < $1)); }

nap() { # milliseconds
	sleep "$(($1 / 1000)).$(printf %03d $(($1 % 1000)))"
}

# think MEAN: wait about MEAN milliseconds, mostly less, sometimes much more
# (the quantiles of an exponential distribution).
Q=(2 8 13 19 25 32 39 47 55 64 74 86 98 112 129 149 174 208 259 369)
think() {
	nap $(($1 * Q[RANDOM % 20] * (80 + RANDOM % 41) / 10000 + 150))
}

# every SECONDS OFFSET COMMAND...: on a strict clock until the day ends
every() {
	local step=$1 due=$((START * 1000 + $2 * 1000)) t
	shift 2
	while running; do
		t=${EPOCHREALTIME/[.,]/}
		t=$((due - t / 1000))
		((t > 0)) && nap "$t"
		running && "$@"
		due=$((due + step * 1000))
	done
}

# habit NAME: run a function beside the others, with its own random choices
habits=0
habit() {
	habits=$((habits + 1))
	(
		RANDOM=$(((SEED * 31 + habits * 7) % 32768))
		while ((EPOCHSECONDS < START)); do sleep 0.2; done
		"$@"
	) </dev/null >>"$LOG.out" 2>>"$LOG.err" &
}

# try SERVICE COMMAND...: run it, note whether it worked
try() {
	local what=$1 rc=0
	shift
	timeout 90 "$@" 2>>"$LOG.err" || rc=$?
	if ((rc == 0)); then
		echo "$what ok" >>"$LOG.did"
	else
		echo "$what failed" >>"$LOG.did"
		echo "$what: status $rc: $*" >>"$LOG.err"
	fi
	return 0
}

# fails SERVICE COMMAND...: the same for things that are meant to fail
fails() {
	local what=$1
	shift
	if timeout 90 "$@" >/dev/null 2>&1; then
		echo "$what failed" >>"$LOG.did"
	else
		echo "$what ok" >>"$LOG.did"
	fi
}

# ----------------------------------------------------------------- servers

daemon() { # NAME COMMAND...: start it in the background, log its output
	local name=$1
	shift
	"$@" </dev/null >>"$LOG.$name" 2>&1 &
}

run_nginx() { # SITE
	cat >nginx.conf <<-CONF
		daemon off;
		user www-data;
		worker_processes 1;
		pid $DATA/nginx.pid;
		error_log $LOG.nginx-error;
		events { worker_connections 256; }
		http {
			include /etc/nginx/mime.types;
			access_log $LOG.nginx-access;
			client_body_temp_path $DATA/body;
			proxy_temp_path $DATA/proxy;
			fastcgi_temp_path $DATA/fastcgi;
			uwsgi_temp_path $DATA/uwsgi;
			scgi_temp_path $DATA/scgi;
			server_tokens off;
			keepalive_timeout 15;
			server {
				listen $IP:80;
				listen $IP:443 ssl;
				ssl_certificate $DSREC/tls/$HOST.crt;
				ssl_certificate_key $DSREC/tls/$HOST.key;
				root $DSREC/site/$1;
				location /form { return 200 "thank you\n"; }
				location /old { return 302 /p1.html; }
				location /health { return 200 "ok\n"; }
			}
		}
	CONF
	daemon nginx nginx -p "$DATA" -c "$DATA/nginx.conf"
}

run_postfix() { # NAME DOMAIN NETWORK
	local c=$DATA/postfix
	mkdir -p "$c" queue data mailboxes
	chown postfix data
	chown 5000:5000 mailboxes
	touch "$c/main.cf"
	cp /usr/share/postfix/master.cf.dist "$c/master.cf"
	for u in anna ben clara david eva info; do
		echo "$u@$2 $u/"
	done >"$c/mailboxes"
	cat >"$c/main.cf" <<-CONF
		compatibility_level = 3.6
		command_directory = /usr/sbin
		daemon_directory = /usr/lib/postfix/sbin
		queue_directory = $DATA/queue
		data_directory = $DATA/data
		maillog_file = $LOG.postfix
		maillog_file_prefixes = $DSREC/log
		myhostname = $1
		mydomain = $2
		mydestination =
		mynetworks = $3
		inet_protocols = ipv4
		inet_interfaces = $IP, 127.0.0.1
		smtpd_banner = \$myhostname ESMTP
		smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
		smtp_tls_security_level = none
		alias_maps =
		virtual_mailbox_domains = $2
		virtual_mailbox_base = $DATA/mailboxes
		virtual_mailbox_maps = texthash:$c/mailboxes
		virtual_uid_maps = static:5000
		virtual_gid_maps = static:5000
	CONF
	postconf -c "$c" -F '*/*/chroot=n'
	postfix -c "$c" start >>"$LOG.out" 2>&1
}

run_dovecot() {
	cat >dovecot.conf <<-CONF
		base_dir = /run/dovecot
		state_dir = $DATA
		protocols = imap
		listen = $IP
		ssl = no
		disable_plaintext_auth = no
		log_path = $LOG.dovecot
		mail_location = maildir:$DATA/mailboxes/%n
		passdb {
		  driver = static
		  args = password=letmein
		}
		userdb {
		  driver = static
		  args = uid=5000 gid=5000 home=$DATA/mailboxes/%n
		}
	CONF
	daemon dovecot-out dovecot -F -c "$DATA/dovecot.conf"
}

run_vsftpd() {
	mkdir -p empty
	cat >vsftpd.conf <<-CONF
		listen=YES
		listen_address=$IP
		background=NO
		anonymous_enable=NO
		local_enable=YES
		write_enable=YES
		connect_from_port_20=YES
		pasv_min_port=30000
		pasv_max_port=30999
		secure_chroot_dir=$DATA/empty
		pam_service_name=vsftpd
		xferlog_enable=YES
		vsftpd_log_file=$LOG.vsftpd
		dual_log_enable=YES
		ftpd_banner=office file server
		seccomp_sandbox=NO
		isolate=NO
		isolate_network=NO
	CONF
	daemon vsftpd-out vsftpd "$DATA/vsftpd.conf"
}

run_sshd() {
	mkdir -p /run/sshd
	ssh-keygen -q -t ed25519 -N '' -C "$HOST" -f host_key
	cat >sshd_config <<-CONF
		ListenAddress $IP
		HostKey $DATA/host_key
		PidFile $DATA/sshd.pid
		AuthorizedKeysFile $DSREC/keys/authorized
		StrictModes no
		UsePAM no
		UseDNS no
		PasswordAuthentication no
		PrintMotd no
		PrintLastLog no
		Subsystem sftp internal-sftp
	CONF
	daemon sshd /usr/sbin/sshd -D -e -f "$DATA/sshd_config"
}

run_snmpd() {
	cat >snmpd.conf <<-CONF
		agentAddress udp:$IP:161
		rocommunity public 10.20.0.0/24 -V office
		view office included .1.3.6.1.2.1.1
		view office included .1.3.6.1.2.1.2
		view office included .1.3.6.1.2.1.4.1
		view office included .1.3.6.1.2.1.6
		view office included .1.3.6.1.2.1.7
		sysDescr Office device $HOST
		sysName $HOST.$DOMAIN
		sysLocation first floor
		sysContact info@$DOMAIN
	CONF
	SNMP_PERSISTENT_DIR=$DATA/snmp MIBS='' \
		daemon snmpd snmpd -f -Lf "$LOG.snmpd-log" -C -c "$DATA/snmpd.conf" \
		-p "$DATA/snmpd.pid"
}

# Nobody's clock is set: -x leaves the clock of this machine alone.
run_chrony() { # SERVER [EXTRA-LINE...]
	{
		echo "server $1 iburst minpoll 5 maxpoll 7"
		shift
		printf '%s\n' "$@"
		echo "driftfile $DATA/drift"
		echo "pidfile $DATA/chronyd.pid"
		echo "cmdport 0"
	} >chrony.conf
	mkdir -m 750 /run/chrony
	daemon chronyd chronyd -x -d -u root -f "$DATA/chrony.conf"
}

run_dnsmasq() { # CONFIG-LINE...
	printf '%s\n' "$@" >dnsmasq.conf
	cat >>dnsmasq.conf <<-CONF
		no-hosts
		no-resolv
		bind-interfaces
		listen-address=$IP
		user=root
		pid-file=$DATA/dnsmasq.pid
		log-facility=$LOG.dnsmasq-log
		log-queries
	CONF
	daemon dnsmasq dnsmasq -k -C "$DATA/dnsmasq.conf"
}

run_mosquitto() {
	printf '%s\n' "listener 1883 $IP" "allow_anonymous true" \
		"pid_file $DATA/mosquitto.pid" "user root" "persistence false" \
		"log_dest stderr" >mosquitto.conf
	daemon mosquitto mosquitto -c "$DATA/mosquitto.conf"
}

# --------------------------------------------- what people and programs do

fetch() { # URL...: any options of curl first
	local a=() u
	for u; do
		case $u in
		*://*) a+=(-o /dev/null "$u") ;;
		*) a+=("$u") ;;
		esac
	done
	try http curl -q -sS --no-progress-meter -k -m 60 \
		--connect-timeout 10 -A "$AGENT" \
		-w '%{scheme} %{http_code}\n' "${a[@]}" >>"$LOG.http"
}

# view BASE PAGES: a page of a site, with what belongs to it
view() {
	local base=$1 n=$((RANDOM % 6)) a=() kinds=(css js) i
	fetch "$base/p$((RANDOM % $2)).html"
	((n == 0)) && return
	for ((i = 0; i < n; i++)); do
		a+=("$base/a$((RANDOM % $2)).${kinds[RANDOM % 2]}")
	done
	if chance 60; then
		fetch --parallel --parallel-max 3 "${a[@]}"
	else
		fetch "${a[@]}"
	fi
	chance 3 && fetch "$base/gone$((RANDOM % 9)).png"
	chance 4 && fetch -d "name=$HOST&text=hello" "$base/form"
}

browse() { # one page somewhere
	local r=$((RANDOM % 100))
	if ((r < 38)); then
		view http://intranet.$DOMAIN 40
	elif ((r < 43)); then
		fetch -L http://intranet/old
	elif ((r < 55)); then
		view https://intranet.$DOMAIN/small 20
	elif ((r < 75)); then
		view http://www.news.example 40
	elif ((r < 82)); then
		view "http://c$((RANDOM % 60)).cdn.news.example" 40
	elif ((r < 92)); then
		view https://shop.vendor.example/small 20
	elif ((r < 97)); then
		view http://www.vendor.example 40
	elif ((r < 98)); then
		fails nosuchname curl -q -s http://intranett.$DOMAIN/
	else
		fetch "http://intranet.$DOMAIN/big$((RANDOM % 3)).txt"
	fi
}

NAMES=(anna ben clara david eva info)

# letter FILE TO KIND: write a mail text, some with an enclosure
letter() {
	local n=$((RANDOM % 8 + 1)) i
	{
		echo "From: $HOST@$DOMAIN"
		echo "To: $2"
		echo "Subject: note $RANDOM from $HOST"
		echo
		for ((i = 0; i < n; i++)); do
			sed -n "$((RANDOM % 60 + 1))p" "$DSREC/words"
		done
		if chance 10; then
			echo
			head -c $((8000 + RANDOM)) "$DSREC/site/intranet/big0.txt"
			echo
		fi
	} >"$1"
}

send_mail() {
	local to=${NAMES[RANDOM % 6]}@$DOMAIN
	chance 25 && to=info@partner.example
	letter letter "$to"
	case $((RANDOM % 3)) in
	0)
		try smtp msmtp --host=mail.$DOMAIN --port=25 --auth=off --tls=off \
			--domain="$HOST.$DOMAIN" --from="$HOST@$DOMAIN" "$to" <letter
		;;
	1)
		try smtp curl -q -sS -m 60 --mail-from "$HOST@$DOMAIN" \
			--mail-rcpt "$to" -T letter "smtp://mail.$DOMAIN/$HOST.$DOMAIN"
		;;
	2)
		try smtp swaks --server mail.$DOMAIN --from "$HOST@$DOMAIN" --to "$to" \
			--helo "$HOST.$DOMAIN" --data - --silent 2 <letter
		;;
	esac
}

read_mail() {
	local n
	try imap curl -q -sS -m 30 -u "$HOST:letmein" "imap://mail.$DOMAIN/" \
		-X 'STATUS INBOX (MESSAGES)' >inbox
	n=$(sed -n 's/.*MESSAGES \([0-9]*\).*/\1/p' inbox)
	if [ "${n:-0}" != "$(cat seen 2>/dev/null || echo 0)" ]; then
		try imap curl -q -sS -m 30 -u "$HOST:letmein" \
			"imap://mail.$DOMAIN/INBOX;MAILINDEX=$n" >mail
		echo "$n" >seen
	fi
}

ftp() { # curl options
	try ftp curl -q -sS -m 80 -u "$HOST:tea4$HOST" "$@" >/dev/null
}

file_work() { # one visit to the file server
	local base="ftp://files.$DOMAIN" how=()
	chance 30 && how=(--disable-epsv)
	chance 15 && how=(--ftp-port -)
	ftp "${how[@]}" "$base/"
	case $((RANDOM % 5)) in
	0 | 1) ftp "${how[@]}" "$base/doc$((RANDOM % 12)).txt" ;;
	2) ftp "${how[@]}" "$base/doc$((RANDOM % 12)).txt" \
		"$base/doc$((RANDOM % 12)).txt" ;;
	3)
		head -c $((4000 + RANDOM * 3)) "$DSREC/site/intranet/big1.txt" >work
		ftp "${how[@]}" -T work "$base/work$((RANDOM % 20)).txt"
		;;
	4) chance 40 && ftp "${how[@]}" "$base/archive.txt" ;;
	esac
}

print_job() {
	{
		printf '\033%%-12345X@PJL JOB NAME="%s-%d"\r\n' "$HOST" "$RANDOM"
		printf '@PJL ENTER LANGUAGE=POSTSCRIPT\r\n%%!PS-Adobe-3.0\n'
		head -c $((3000 + RANDOM * 2)) "$DSREC/site/intranet/big2.txt"
		printf '\n\004\033%%-12345X@PJL EOJ\r\n'
	} >job
	try print socat -t 20 -T 30 OPEN:job,rdonly!!STDOUT TCP:printer.$DOMAIN:9100
}

SSH=(-F /dev/null -o LogLevel=ERROR -o StrictHostKeyChecking=accept-new
	-o "UserKnownHostsFile=$DATA/known_hosts" -i "$DATA/key"
	-o ConnectTimeout=10 -o KexAlgorithms=curve25519-sha256)

my_key() {
	cp "$DSREC/keys/key" key
	chmod 600 key
}

# typist SEED: somebody at a keyboard
typist() {
	local line i
	RANDOM=$1
	think 1500
	for ((n = 2 + RANDOM % 4; n > 0; n--)); do
		case $((RANDOM % 6)) in
		0) line='ls -l' ;;
		1) line='head -8 notes.txt' ;;
		2) line='date' ;;
		3) line='wc -l *' ;;
		4) line='tail -3 build.log' ;;
		5) line='grep -c error build.log' ;;
		esac
		for ((i = 0; i < ${#line}; i++)); do
			printf %s "${line:i:1}"
			nap $((60 + RANDOM % 180))
		done
		printf '\r'
		think 5000
	done
	printf 'exit 0\r'
	sleep 1
}

shell_work() { # one visit to a shell host
	local to=$HOST@build.$DOMAIN seed=$RANDOM
	# shellcheck disable=SC2016 # $i is for the other end
	case $((RANDOM % 6)) in
	0 | 1) typist $seed | try ssh ssh -tt "${SSH[@]}" "$to" >/dev/null ;;
	2) try ssh ssh "${SSH[@]}" "$to" 'ls -l; head -20 notes.txt' >/dev/null ;;
	3) try ssh ssh "${SSH[@]}" "$to" 'for i in 1 2 3 4 5 6; do tail -n $i build.log; sleep 1; done' >/dev/null ;;
	4) try scp scp -q "${SSH[@]}" "$to:build.log" . ;;
	5)
		head -c $((2000 + RANDOM / 4)) "$DSREC/site/intranet/big1.txt" >change
		try scp scp -q "${SSH[@]}" change "$to:change$((RANDOM % 5))"
		;;
	esac
}

# ------------------------------------------------------ kinds of workplace

heavy_web() { # bursts of pages, pauses between them, a long break
	local n
	while running; do
		for ((n = 2 + RANDOM % 8; n > 0; n--)); do
			running && browse
			think 4500
		done
		think 30000
		while during 56 64; do sleep 2; done
	done
}

some_web() { # MEAN pause in milliseconds
	while running; do
		think "$1"
		browse
		chance 50 && think 2500 && browse
	done
}

heavy_mail() { # answers letters in one sitting, then does something else
	local n
	while running; do
		for ((n = 1 + RANDOM % 4; n > 0; n--)); do
			running && send_mail
			think 6000
		done
		think 40000
		while during 40 47; do sleep 2; done
	done
}

some_mail() {
	while running; do
		think "$1"
		send_mail
	done
}

mail_check() { every "$1" "$2" read_mail; }

file_worker() {
	local n
	while running; do
		for ((n = 1 + RANDOM % 3; n > 0; n--)); do
			running && file_work
			think 7000
		done
		think 45000
		while during 62 70; do sleep 2; done
	done
}

shell_worker() {
	while running; do
		shell_work
		think 18000
		chance 15 && think 30000
		while during 48 57; do sleep 2; done
	done
}

some_prints() {
	while running; do
		think "$1"
		print_job
	done
}

visitor() { # comes late, leaves early, often does nothing
	while during -99 18; do sleep 2; done
	run_chrony time.$DOMAIN
	while during 18 93; do
		case $((RANDOM % 10)) in
		0 | 1 | 2 | 3 | 4) browse ;;
		5) send_mail ;;
		6) read_mail ;;
		7) file_work ;;
		8) chance 40 && print_job ;;
		9) misdial ;;
		esac
		think 9000
		chance 12 && think 40000
		while during 44 52; do sleep 2; done
	done
}

misdialled=0
misdial() { # things that do not work in every office
	misdialled=$((misdialled + 1))
	case $((misdialled % 5)) in
	0 | 1) fails refused curl -q -s -m 10 "http://files.$DOMAIN:8081/" ;;
	2) fails unanswered curl -q -s --connect-timeout 4 "telnet://display.$DOMAIN:22" ;;
	3) fails nohost curl -q -s --connect-timeout 4 "http://10.20.0.77/" ;;
	4) fails unreachable curl -q -s --connect-timeout 4 "http://203.0.113.77/" ;;
	esac
}

at_percent() { # PERCENT COMMAND...: one job at its minute
	local at=$1
	shift
	while ! during "$at" 200; do sleep 1; done
	"$@"
}

backup_web() {
	local i
	for i in 0 1 2; do
		try backup curl -q -sS -m 85 -u backup:tea4backup \
			-T "$DSREC/site/intranet/big$i.txt" "ftp://files.$DOMAIN/web-big$i.txt"
	done
	# the small pages one after another over one control connection
	(cd "$DSREC/site/intranet" &&
		try backup curl -q -sS -m 85 -u backup:tea4backup \
			-T "{p0.html,p1.html,p2.html,p3.html,p4.html,p5.html,p6.html,p7.html}" \
			"ftp://files.$DOMAIN/")
}

backup_build() {
	head -c 1500000 "$DSREC/site/intranet/big2.txt" >image.txt
	try backup curl -q -sS -m 85 -u backup:tea4backup -T image.txt \
		"ftp://files.$DOMAIN/build-image.txt"
}

deploy() { # the build host brings new pages to the web server
	head -c 15000 "$DSREC/site/intranet/big1.txt" >pages.txt
	try scp scp -q "${SSH[@]}" pages.txt david@web.$DOMAIN:
	try ssh ssh "${SSH[@]}" david@web.$DOMAIN 'ls -l' >/dev/null
}

# -------------------------------------------------------------- monitoring

WATCHED=(10.20.0.1 10.20.0.4 10.20.0.5 10.20.0.6 10.20.0.7 10.20.0.20)

check_ping() {
	local a
	for a in "${WATCHED[@]}" 10.20.0.2; do
		try ping ping -q -c 1 -W 2 "$a" >/dev/null
	done
}

check_snmp() {
	local a
	for a in "${WATCHED[@]}"; do
		try snmp snmpget -v2c -c public -On -t 2 "$a" .1.3.6.1.2.1.1.3.0 \
			.1.3.6.1.2.1.2.2.1.10.2 .1.3.6.1.2.1.2.2.1.16.2 >/dev/null
	done
}

walk_snmp() {
	local a
	for a in 10.20.0.1 10.20.0.5 10.20.0.20; do
		try snmp snmpbulkwalk -v2c -c public -On -t 2 "$a" .1.3.6.1.2.1.2.2.1 >/dev/null
	done
	try snmp snmpwalk -v2c -c public -On -t 2 10.20.0.20 .1.3.6.1.2.1.1 >/dev/null
}

check_http() {
	fetch http://10.20.0.5/health
	fetch http://www.news.example/health
}

check_services() {
	fetch https://10.20.0.5/health
	try smtp curl -q -sS -m 10 -X NOOP smtp://10.20.0.4/monitor >/dev/null
	try mqtt mosquitto_pub -h 10.20.0.8 -i monitor -t office/check -m ok
	try print socat -t 2 -T 5 /dev/null TCP:10.20.0.20:9100
}

# ----------------------------------------------------------------- devices

reading() { # one value, one connection
	try mqtt mosquitto_pub -h mqtt.$DOMAIN -i "$HOST" -t "office/$HOST" \
		-m "{\"t\":2$((RANDOM % 4)).$((RANDOM % 10)),\"rh\":4$((RANDOM % 10))}"
}

stream() { # many values, one connection that stays
	every 2 1 meter_line | mosquitto_pub -h mqtt.$DOMAIN -i "$HOST" \
		-t "office/$HOST" -l
}

meter_line() {
	echo "{\"w\":$((400 + RANDOM % 250)),\"v\":23$((RANDOM % 6))}"
	echo "mqtt ok" >>"$LOG.did"
}

door_events() {
	while running; do
		think 14000
		try mqtt mosquitto_pub -h mqtt.$DOMAIN -i door -q 1 -t office/door -m open
		think 3000
		try mqtt mosquitto_pub -h mqtt.$DOMAIN -i door -q 1 -t office/door -m closed
	done
}

wall_display() { fetch "http://intranet.$DOMAIN/a$((RANDOM % 5)).js"; }

watch_topics() {
	mosquitto_sub -h mqtt.$DOMAIN -i display -t 'office/#' >"$DATA/messages"
}

note() { # MEAN TEXT: a line for the log server
	while running; do
		think "$1"
		try syslog logger -n monitor.$DOMAIN -P 514 -d -p local0.info \
			-t "$HOST" "$2 $((RANDOM % 100))"
	done
}

# ---------------------------------------------------------------- the hosts

move_in

case $HOST in
gw)
	run_snmpd
	habit note 15000 "forwarding, sessions"
	;;
dns)
	run_dnsmasq "local=/$DOMAIN/" "server=203.0.113.53" "cache-size=150" \
		"local=/20.10.in-addr.arpa/" "mx-host=$DOMAIN,mail.$DOMAIN,10" \
		"cname=intranet.$DOMAIN,web.$DOMAIN" "conf-file=$DSREC/etc/names"
	;;
time) run_chrony ntp.time.example "allow 10.20.0.0/24" "local stratum 5" ;;
mail)
	run_postfix mail.$DOMAIN $DOMAIN "10.20.0.0/24 127.0.0.0/8"
	run_dovecot
	run_snmpd
	run_chrony time.$DOMAIN
	;;
web)
	run_nginx intranet
	run_sshd
	run_snmpd
	run_chrony time.$DOMAIN
	habit at_percent 40 backup_web
	habit note 20000 "requests served"
	;;
files)
	run_vsftpd
	run_snmpd
	run_chrony time.$DOMAIN
	;;
build)
	my_key
	run_sshd
	run_snmpd
	run_chrony time.$DOMAIN
	habit at_percent 30 deploy
	habit at_percent 66 backup_build
	habit at_percent 80 deploy
	;;
mqtt) run_mosquitto ;;
monitor)
	run_chrony time.$DOMAIN
	daemon syslog socat -u UDP-RECV:514,bind="$IP" "OPEN:$LOG.received,creat,append"
	habit every 20 0 check_ping
	habit every 20 5 check_snmp
	habit every 20 10 check_http
	habit every 60 14 check_services
	habit every 120 38 walk_snmp
	;;
printer)
	daemon spooler socat "TCP-LISTEN:9100,bind=$IP,fork,reuseaddr" \
		'SYSTEM:cat >/dev/null; echo @PJL USTATUS JOB END'
	run_snmpd
	habit note 30000 "paper left"
	;;
therm) habit every 8 2 reading ;;
meter) habit stream ;;
door) habit door_events ;;
display)
	# a guard that answers nobody
	nft -f - <<-RULES
		table ip guard {
			chain input {
				type filter hook input priority 0;
				ct state established,related accept
				tcp dport 22 drop
			}
		}
	RULES
	habit watch_topics
	habit every 15 3 wall_display
	;;
anna)
	run_chrony time.$DOMAIN
	habit heavy_web
	habit mail_check 60 7
	habit some_mail 150000
	habit some_prints 240000
	habit at_percent 36 fetch http://www.vendor.example/film.txt
	;;
ben)
	run_chrony time.$DOMAIN
	habit heavy_mail
	habit mail_check 40 11
	habit some_web 60000
	;;
clara)
	run_chrony time.$DOMAIN
	habit file_worker
	habit some_web 70000
	habit some_prints 120000
	habit mail_check 90 20
	;;
david)
	my_key
	run_chrony time.$DOMAIN
	habit shell_worker
	habit some_web 60000
	habit some_mail 160000
	;;
eva) habit visitor ;;
www) run_nginx outside ;;
ns)
	run_dnsmasq "local-ttl=25" "local=/example/" \
		"conf-file=$DSREC/etc/names.far" \
		"host-record=mx.partner.example,203.0.113.25" \
		"mx-host=partner.example,mx.partner.example,10" \
		"host-record=mail.$DOMAIN,10.20.0.4" \
		"mx-host=$DOMAIN,mail.$DOMAIN,10" \
		"host-record=ntp.time.example,203.0.113.53" \
		"local=/113.0.203.in-addr.arpa/" "local=/20.10.in-addr.arpa/"
	printf '%s\n' "local stratum 2" "allow" "cmdport 0" \
		"pidfile $DATA/chronyd.pid" >chrony.conf
	mkdir -m 750 /run/chrony
	daemon chronyd chronyd -x -d -u root -f "$DATA/chrony.conf"
	;;
mx)
	run_postfix mx.partner.example partner.example "203.0.113.25 127.0.0.0/8"
	partner_mail() {
		local to
		while running; do
			think 45000
			to=${NAMES[RANDOM % 6]}@$DOMAIN
			letter letter "$to"
			try smtp-in msmtp --host=127.0.0.1 --port=25 --auth=off --tls=off \
				--domain=mx.partner.example --from=info@partner.example \
				"$to" <letter
		done
	}
	habit partner_mail
	;;
*)
	echo "host.sh: no host called $HOST" >&2
	exit 1
	;;
esac

# Stay until some time after the day; the recorder ends the hosts before that.
while ((EPOCHSECONDS < END + 60)); do sleep 5; done
