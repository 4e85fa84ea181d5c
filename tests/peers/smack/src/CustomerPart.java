import org.jivesoftware.smack.XMPPConnection;
import org.jivesoftware.smackx.workgroup.user.QueueListener;
import org.jivesoftware.smackx.workgroup.user.Workgroup;
import org.jxmpp.jid.EntityBareJid;

/** A customer by Smack's {@link Workgroup}. */
final class CustomerPart implements Peer.Part {
    private final Workgroup workgroup;

    CustomerPart(XMPPConnection connection, EntityBareJid address) {
        workgroup = new Workgroup(address, connection);
        workgroup.addInvitationListener(invitation -> Json.say("event", "invited",
                "room", String.valueOf(invitation.getGroupChatName()),
                "session", String.valueOf(invitation.getSessionID()),
                "text", String.valueOf(invitation.getMessageBody())));
        workgroup.addQueueListener(new QueueListener() {
            @Override
            public void joinedQueue() {
                Json.say("event", "joined");
            }

            @Override
            public void departedQueue() {
                Json.say("event", "departed");
            }

            @Override
            public void queuePositionUpdated(int position) {
                Json.say("event", "position", "position", String.valueOf(position));
            }

            @Override
            public void queueWaitTimeUpdated(int seconds) {
                Json.say("event", "wait", "seconds", String.valueOf(seconds));
            }
        });
    }

    @Override
    public boolean run(String command, String rest) throws Exception {
        switch (command) {
            case "available" -> Json.say("event", "available", "value", String.valueOf(workgroup.isAvailable()));
            case "properties" -> Json.say("event", "properties", "authRequired",
                    String.valueOf(workgroup.getWorkgroupProperties().isAuthRequired()));
            case "setting" -> Json.say("event", "setting", "value",
                    workgroup.getChatSetting(rest).getValue());
            case "settings" -> Json.say("event", "settings", "texts",
                    String.valueOf(workgroup.getChatSettings(1).getFirstEntry() != null));
            case "offline" -> workgroup.getOfflineSettings();
            case "sound" -> workgroup.getSoundSettings();
            case "email" -> Json.say("event", "email", "value", String.valueOf(workgroup.isEmailAvailable()));
            case "form" -> Json.say("event", "form", "fields", Json.words(
                    workgroup.getWorkgroupForm().getDataForm().getFields().stream()
                            .map(field -> field.getFieldName()).iterator()));
            case "join" -> {
                var form = workgroup.getWorkgroupForm().getFillableForm();
                form.setAnswer("username", "Wanda");
                form.setAnswer("email", "wanda@example.test");
                form.setAnswer("question", rest);
                workgroup.joinQueue(form);
            }
            case "depart" -> workgroup.departQueue();
            default -> {
                return false;
            }
        }
        return true;
    }
}
