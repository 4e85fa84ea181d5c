import java.util.Date;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jivesoftware.smack.XMPPConnection;
import org.jivesoftware.smack.packet.Presence;
import org.jivesoftware.smackx.workgroup.QueueUser;
import org.jivesoftware.smackx.workgroup.agent.Agent;
import org.jivesoftware.smackx.workgroup.agent.AgentRosterListener;
import org.jivesoftware.smackx.workgroup.agent.AgentSession;
import org.jivesoftware.smackx.workgroup.agent.InvitationRequest;
import org.jivesoftware.smackx.workgroup.agent.Offer;
import org.jivesoftware.smackx.workgroup.agent.OfferListener;
import org.jivesoftware.smackx.workgroup.agent.QueueUsersListener;
import org.jivesoftware.smackx.workgroup.agent.RevokedOffer;
import org.jivesoftware.smackx.workgroup.agent.TransferRequest;
import org.jivesoftware.smackx.workgroup.agent.WorkgroupQueue;
import org.jivesoftware.smackx.workgroup.packet.RoomInvitation;
import org.jivesoftware.smackx.workgroup.packet.RoomTransfer;
import org.jxmpp.jid.EntityBareJid;
import org.jxmpp.jid.impl.JidCreate;

/** An agent by Smack's {@link AgentSession}. */
final class AgentPart implements Peer.Part {
    private final XMPPConnection connection;
    private final EntityBareJid workgroup;
    private final ConcurrentHashMap<String, Offer> offers = new ConcurrentHashMap<>();
    private AgentSession session;

    AgentPart(XMPPConnection connection, EntityBareJid workgroup) {
        this.connection = connection;
        this.workgroup = workgroup;
    }

    @Override
    public boolean run(String command, String rest) throws Exception {
        String[] words = rest.split(" ", 4);
        switch (command) {
            case "workgroups" -> Json.say("event", "workgroups", "list", Json.words(
                    Agent.getWorkgroups(workgroup.asDomainBareJid(), connection.getUser(), connection).iterator()));
            case "online" -> join();
            case "offline" -> session.setOnline(false);
            case "status" -> session.setStatus(Presence.Mode.fromString(words[0]), Integer.parseInt(words[1]));
            case "accept" -> offers.get(rest).accept();
            case "reject" -> offers.get(rest).reject();
            case "roster" -> {
                var roster = session.getAgentRoster();
                roster.addListener(new AgentRosterListener() {
                    @Override
                    public void agentAdded(EntityBareJid agent) {
                        Json.say("event", "colleague", "jid", agent.toString());
                    }

                    @Override
                    public void agentRemoved(EntityBareJid agent) {
                        Json.say("event", "colleague-gone", "jid", agent.toString());
                    }

                    @Override
                    public void presenceChanged(Presence presence) {
                        Json.say("event", "colleague-presence", "from", presence.getFrom().toString(),
                                "type", presence.getType().toString());
                    }
                });
                Json.say("event", "roster", "agents", Json.words(roster.getAgents().iterator()));
            }
            case "agent-name" -> Json.say("event", "agent-name", "name", String.valueOf(session.getAgent().getName()));
            case "invite" -> session.sendRoomInvitation(RoomInvitation.Type.valueOf(words[0]),
                    JidCreate.from(words[1].replace("%20", " ")), words[2], words[3]);
            case "transfer" -> session.sendRoomTransfer(RoomTransfer.Type.valueOf(words[0]),
                    words[1].replace("%20", " "), words[2], words[3]);
            case "occupants" -> Json.say("event", "occupants", "jids", Json.words(
                    session.getOccupantsInfo(rest).getOccupants().stream().map(it -> it.getJID()).iterator()));
            case "transcript" -> Json.say("event", "transcript", "stanzas", Json.words(
                    session.getTranscript(rest).getPackets().iterator()));
            case "transcripts" -> Json.say("event", "transcripts", "sessions", Json.words(
                    session.getTranscripts(JidCreate.from(rest)).getSummaries().stream()
                            .map(it -> it.getSessionID()).iterator()));
            case "search-form" -> Json.say("event", "search-form", "fields", Json.words(
                    session.getTranscriptSearchForm().getDataForm().getFields().stream()
                            .map(field -> field.getFieldName()).iterator()));
            case "search" -> {
                var form = session.getTranscriptSearchForm().getFillableForm();
                form.setAnswer("queryString", rest);
                Json.say("event", "search", "sessions", Json.words(session.searchTranscripts(form).getRows().stream()
                        .map(row -> row.getValues("sessionID").get(0)).iterator()));
            }
            case "note" -> session.setNote(words[0], rest.substring(words[0].length() + 1));
            case "read-note" -> Json.say("event", "note", "text", session.getNote(rest).getNotes());
            case "history" -> Json.say("event", "history", "sessions", Json.words(
                    session.getAgentHistory(connection.getUser().asEntityBareJid(), 10, new Date(0))
                            .getAgentChatSessions().stream().map(it -> it.getSessionID()).iterator()));
            case "metadata" -> Json.say("event", "metadata", "keys",
                    Json.words(session.getChatMetadata(rest).keySet().iterator()));
            case "macros" -> {
                var group = session.getMacros(rest.equals("global"));
                Json.say("event", "macros", "title", group == null ? "" : String.valueOf(group.getTitle()));
            }
            case "search-settings" -> session.getSearchSettings();
            case "generic" -> session.getGenericSettings(connection, null);
            case "monitor" -> Json.say("event", "monitor", "value",
                    String.valueOf(session.hasMonitorPrivileges(connection)));
            default -> {
                return false;
            }
        }
        return true;
    }

    private void join() throws Exception {
        session = new AgentSession(workgroup, connection);
        session.addOfferListener(new OfferListener() {
            @Override
            public void offerReceived(Offer offer) {
                offers.put(offer.getSessionID(), offer);
                String kind = "customer";
                String room = "";
                String reason = "";
                if (offer.getContent() instanceof InvitationRequest invitation) {
                    kind = "invite";
                    room = invitation.getRoom().toString();
                    reason = invitation.getReason();
                } else if (offer.getContent() instanceof TransferRequest transfer) {
                    kind = "transfer";
                    room = transfer.getRoom();
                    reason = transfer.getReason();
                }
                Json.say("event", "offer", "session", offer.getSessionID(), "customer",
                        String.valueOf(offer.getUserJID()), "kind", kind, "room", room, "reason", reason,
                        "question", String.valueOf(offer.getMetaData().get("question")));
            }

            @Override
            public void offerRevoked(RevokedOffer revoked) {
                Json.say("event", "revoked", "session", revoked.getSessionID(), "reason", revoked.getReason());
            }
        });
        session.addInvitationListener(invitation -> Json.say("event", "invited",
                "room", String.valueOf(invitation.getGroupChatName()),
                "session", String.valueOf(invitation.getSessionID()),
                "text", String.valueOf(invitation.getMessageBody())));
        session.addQueueUsersListener(new QueueUsersListener() {
            @Override
            public void statusUpdated(WorkgroupQueue queue, WorkgroupQueue.Status status) {
                Json.say("event", "queue-status", "queue", queue.getName().toString(), "status",
                        String.valueOf(status));
            }

            @Override
            public void averageWaitTimeUpdated(WorkgroupQueue queue, int seconds) {}

            @Override
            public void oldestEntryUpdated(WorkgroupQueue queue, Date oldest) {}

            @Override
            public void usersUpdated(WorkgroupQueue queue, Set<QueueUser> users) {
                Json.say("event", "queue-users", "queue", queue.getName().toString(), "users", Json.words(
                        users.stream().map(QueueUser::getUserID).iterator()));
            }
        });
        session.setOnline(true);
    }
}
