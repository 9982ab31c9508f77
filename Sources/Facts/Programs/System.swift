// SPDX-License-Identifier: Apache-2.0

extension ProgramTable {
    /// Programs that report on the machine.
    static let reports = """
        date | read | -uR -d= -f= -r= -I=? --utc --universal --date= --reference= --iso-8601=? \
            --rfc-3339= --rfc-email --rfc-2822 -s=:infrastructure --set=:infrastructure | \
            only=+*:infrastructure
        id | read | -agGnruzZ --group --groups --name --real --user --zero
        whoami,logname,users,arch,lsmod,tty | read | -s
        groups | read |
        uname | read | -asnrvmpio --all --kernel-name --nodename --kernel-release \
            --kernel-version --machine --processor --hardware-platform --operating-system
        nproc | read | --all --ignore=
        hostname | read | -aAdfiIsy --alias --all-fqdns --domain --fqdn --long --ip-address \
            --all-ip-addresses --short -F=:infrastructure --file=:infrastructure \
            -b:infrastructure | max=0:infrastructure
        uptime | read | -psV --pretty --since
        free | read | -bkmghltwv -s= -c= --bytes --kibi --mebi --gibi --human --lohi --total \
            --wide --si
        who | read | -abdHlmpqrstTuw --all --boot --count --heading --users
        w | read | -hsfoi --no-header --short
        last,lastb,lastlog | read | -adFiwx# -n= -s= -t= -p=
        printenv | read | -0 --null
        ps | read | -AdefjlHLTwM --pid= --ppid= --sort= --forest --no-headers --headers -p= | \
            only=aux,ax,axu,axf,auxf,auxw,auxww,axww,axl,ux:unknown
        pgrep | read | -aflnovwxci -u= -U= -P= -g= -t= -s= --full --list-name --list-full \
            --newest --oldest --count --exact --euid= --parent=
        pidof | read | -sqx
        vmstat,iostat,mpstat,pidstat | read | -adDfmnpswtxhkcrubqPAN
        lsof | read | -niPltaUR -p= -u= -c=
        ss | read | -HtuwxaelmnoprsiZ046OQbd --tcp --udp --all --listening --numeric --processes \
            --extended --summary --no-header -K:infrastructure --kill:infrastructure -D=:write \
            --diag=:write
        netstat | read | -tuanlprecgiswvNMo46W --tcp --udp --all --listening --numeric \
            --programs --route --interfaces --statistics
        lsblk | read | -abdDfhilmnJOpPrstSTz -o= -e= -I= -x= --all --bytes --fs --json --list \
            --nodeps --noheadings --output= --paths
        lscpu,lsmem,lsns,lsipc | read | -abcepxJlnor --all --json --bytes --summary=?
        lspci | read | -vnktmDqb
        lsusb | read | -vt
        findmnt | read | -acDefJklmnPRrsuUAo -o= -t= -T= -S= --all --json --list --output= \
            --target= --types=
        mount | infrastructure bare
        dmesg | read | -kTtuxrL -l= -f= --level= --facility= --kernel --ctime --userspace \
            --nopager --raw -c:infrastructure -C:infrastructure --clear:infrastructure \
            --read-clear:infrastructure
        journalctl | read pager | -fkrexqam -u= -n= -b=? -p= -o= -S= -U= -t= -g= --unit= \
            --user-unit= --since= --until= --lines=? --follow --boot=? --priority= --output= \
            --no-pager --reverse --quiet --dmesg --grep= --identifier= --utc --no-hostname \
            --disk-usage --list-boots --catalog --no-tail --system --user \
            --vacuum-size=:infrastructure --vacuum-time=:infrastructure \
            --vacuum-files=:infrastructure --rotate:infrastructure --flush:infrastructure
        getent | key
        getent passwd,group,hosts,services,protocols,networks,ahosts,ahostsv4,ahostsv6 | read |
        sysctl | infrastructure | -aAnNbeqx --all --values --names -w:infrastructure \
            --write:infrastructure -p=?:infrastructure --load=?:infrastructure \
            --system:infrastructure
        ifconfig | infrastructure bare
        route,arp | infrastructure bare
        ip | infrastructure single | -4 -6 -0 -s -d -o -br -c -j -p -stats -details -oneline \
            -brief -color=? -json -pretty -batch=:! -b=:!
        ip addr,a,address,link,l,route,r,neigh,n,rule,ru | read single | | max=0:infrastructure
        ip addr,a,address,link,l,route,r,neigh,n,rule,ru show,list,ls,get | read single |
        ip netns exec | unknown ! single
        ip vrf exec | unknown ! single
        ping,ping6,traceroute,tracepath,mtr,dig,host,nslookup,whois,drill,nmap,arping,hping3 | \
            unknown
        loginctl,localectl,resolvectl,networkctl,machinectl,hostnamectl,timedatectl | infrastructure
        loginctl,localectl,resolvectl,networkctl,hostnamectl,timedatectl status,show | read \
            pager | --no-pager --no-legend
        cal,ncal,locale,getconf,lsb_release | read | -adircs
        """

    /// Programs that change the machine: services, disks, network, packages, schedules.
    static let machine = """
        systemctl | infrastructure
        systemctl status,show,cat,is-active,is-enabled,is-failed,is-system-running,list-units,\
        list-unit-files,list-timers,list-sockets,list-dependencies,list-jobs,get-default | read \
            pager | -alq -n= -o= -p= -t= --all --full --lines= --output= --property= --value \
            --type= --state= --no-pager --no-legend --quiet --failed --plain --user --system \
            --recursive --reverse
        service,invoke-rc.d,update-rc.d,chkconfig,rc-service,rc-update,initctl,supervisorctl,\
        monit,launchctl,sv | infrastructure
        systemd-run,run0,start-stop-daemon | infrastructure !
        reboot,shutdown,halt,poweroff,init,telinit,kexec,wakeonlan,ipmitool,efibootmgr,\
        grub-install,update-grub,grub-mkconfig | infrastructure
        kill,pkill,killall,skill,snice,renice | infrastructure
        umount,swapon,swapoff,losetup,mkswap,fsck,e2fsck,xfs_repair,tune2fs,resize2fs,xfs_growfs,\
        mkfs,mkfs.ext4,mkfs.xfs,mkfs.vfat,mke2fs,wipefs,fdisk,sfdisk,gdisk,sgdisk,parted,\
        partprobe,blkdiscard,hdparm,smartctl,nvme,mdadm,dmsetup,fstrim,quotaon,setquota | \
            infrastructure
        pvcreate,pvremove,vgcreate,vgextend,vgremove,vgreduce,lvcreate,lvextend,lvremove,lvreduce,\
        lvresize,lvm,zfs,zpool,btrfs | infrastructure
        pvs,vgs,lvs,pvdisplay,vgdisplay,lvdisplay | read | -av --all --noheadings --units= -o= \
            --options= --reportformat=
        iptables,ip6tables,iptables-restore,ip6tables-restore,nft,ufw,firewall-cmd,ebtables,tc,\
        ethtool,brctl,bridge,nmcli,ifup,ifdown,dhclient,wg-quick,iw,iwconfig,conntrack,ipset,\
        ipvsadm,ovs-vsctl,tailscale | infrastructure
        modprobe,insmod,rmmod,depmod,dkms,udevadm,ldconfig | infrastructure
        apt,apt-get,aptitude,dpkg,dpkg-reconfigure,yum,dnf,rpm,zypper,pacman,apk,snap,flatpak,\
        brew,emerge,nix-env,nixos-rebuild,guix,pkg,port,unattended-upgrade,alien | \
            infrastructure
        apt list,show,search,policy,depends,rdepends | read pager | -a --all-versions \
            --installed --upgradable
        apt-cache | unknown !
        apt-cache search,show,policy,depends,rdepends,madison,showpkg,stats | read |
        dpkg-query | read pager | -lLsWS -f= --list --listfiles --status --show --search -f= \
            --showformat=
        update-alternatives,alternatives,dpkg-divert,dpkg-statoverride | infrastructure
        crontab,at,batch,atrm,anacron | infrastructure !
        virsh,virt-install,qemu-img,qemu-system-x86_64,VBoxManage,vagrant,lxc,lxc-start,\
        lxc-attach,incus,multipass,xl,esxcli | infrastructure
        ansible,ansible-playbook,ansible-pull,salt,salt-call,puppet,chef-client,chef-solo,\
        cfengine,pyinfra,fab,cap | infrastructure !
        nginx,apachectl,apache2ctl,httpd,haproxy,caddy,postfix,postconf,exim,named,rndc,squid,\
        varnishadm,rabbitmqctl,kafka-topics,kafka-configs,zkCli.sh | infrastructure
        auditctl,augenrules,setenforce,aa-complain,aa-enforce,aa-disable,apparmor_parser,\
        setsebool,semodule | role
        """

    /// Accounts, groups, privileges.
    static let roles = """
        useradd,usermod,userdel,adduser,deluser,groupadd,groupmod,groupdel,addgroup,delgroup,\
        groupmems,gpasswd,newusers,chsh,chfn,chage,vipw,vigr,pwconv,pwunconv,grpconv,faillock,\
        pam_tally2 | role
        passwd,chpasswd,chgpasswd,smbpasswd,htpasswd,htdigest,kpasswd,saslpasswd2 | key
        sudo,su,doas,pkexec,runuser,sudoedit,newgrp,sg,gosu,su-exec,capsh,setpriv,visudo | role !
        setfacl,setcap,chcon,semanage,restorecon | role
        createuser,dropuser | role
        ldapadd,ldapmodify,ldapdelete,ldappasswd,ldapmodrdn | role
        ldapsearch | export
        kadmin,kadmin.local,ipa,samba-tool,net,pdbedit,realm,sss_override,dsconfigad,dscl | role !
        exequatur | role
        """
}
